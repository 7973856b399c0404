"""A server that requires a token and uses TLS with a self-signed certificate."""
from harness import PageTest
from prefix_proxy import PrefixProxy

TOKEN = "open-sesame-7"


class Token(PageTest):
    flags = ("--self-signed", "--token", TOKEN)

    def open_with(self, query: str):
        page = self.open(path=query)
        self.assertTrue(page.run("return isSecureContext"))
        return page

    def test_with_the_token_images_come_and_the_camera_works(self):
        page = self.open_with(f"?token={TOKEN}")
        page.started()
        page.click("[data-source='camera']")
        page.wait_for_images(4, "images of the camera")
        self.assertEqual(page.console_problems(), [])

    def test_without_the_token_the_page_says_what_is_missing(self):
        for path in ("", "out.html", "view/a", "?token=wrong", "#prompt=lion"):
            with self.subTest(path):
                page = self.open_with(path)
                self.assertEqual(page.find("h1").text, "This server asks for a token")
                self.assertIn("the address that the server printed", page.find("body").text)
                margin = "return getComputedStyle(document.body).maxWidth"
                self.assertNotEqual(page.run(margin), "none", "its style is not blocked")
                page.screenshot("no-token")
                page.close()


class Prefix(PageTest):
    """The server behind a proxy that mounts it at a path."""
    flags = ("--token", TOKEN)

    def test_everything_is_found_below_the_prefix(self):
        with PrefixProxy("/apps/draw", self.server.port) as proxy:
            self.addCleanup(proxy.shutdown)
            page = self.open(path=f"?token={TOKEN}", server=proxy)
            page.started()
            self.assertEqual(page.run("return location.href"), proxy.address)
            page.wait_for_images(1, "images through the proxy")
            self.assertEqual(page.console_problems(), [])
