"""Parameters that another program changes while the page is open."""
from harness import PageTest
from test_controls import enter


def value(page, selector: str) -> str:
    return page.find(selector).get_attribute("value")


class Outside(PageTest):
    def test_settings_from_outside_are_shown(self):
        page = self.open()
        page.started()
        self.patch({"prompt": "lion, flat cartoon", "seed": 41, "t_index_list": [10]})
        page.wait(lambda: value(page, "#prompt") == "lion, flat cartoon", "prompt")
        page.wait(lambda: float(value(page, "#strength")) > 0.6, "slider")
        page.open_settings()
        self.assertEqual(value(page, "#setting-seed"), "41")
        self.assertEqual(value(page, "#setting-t_index_list"), "10")

    def test_a_prompt_from_outside_leaves_how_far_to_morph(self):
        page = self.open()
        page.started()
        self.patch({"prompt": "lion, flat cartoon"})
        page.wait(lambda: value(page, "#prompt") == "lion, flat cartoon", "prompt")
        page.open_settings()
        enter(page.find("#setting-prompt2"), "dog, flat cartoon")
        page.wait(lambda: self.session()["params"].get("prompt_list") ==
                  [["lion, flat cartoon", 0.5], ["dog, flat cartoon", 0.5]], "both at the server")
