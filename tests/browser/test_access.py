"""A server that asks for a token, over TLS with its own certificate."""
from harness import PageTest

TOKEN = "open-sesame-7"


class Guarded(PageTest):
    flags = ("--self-signed", "--token", TOKEN)

    def open_with(self, query: str):
        page = self.open(path=query)
        self.assertTrue(page.run("return isSecureContext"))
        return page

    def test_with_the_token_it_draws_and_the_camera_works(self):
        page = self.open_with(f"?token={TOKEN}")
        page.started()
        page.click("[data-source='camera']")
        count = page.shown
        page.wait(lambda: page.shown > count + 3, "pictures of the camera")
        self.assertEqual(page.complaints(), [])

    def test_without_it_the_page_says_what_is_missing(self):
        page = self.open_with("")
        self.assertIn("token", page.wait(lambda: page.find("body").text, "a text"))
