"""What others open: the code for a phone and the address for OBS, of servers with a token and without."""
import subprocess

import harness
from harness import PageTest, difference

TOKEN = "open-sesame-7"
COPIED = "navigator.clipboard.writeText = async (text) => { window.copied = text; }"


class Sharing(PageTest):
    flags = ("--host", "0.0.0.0", "--token", TOKEN)

    @property
    def address(self) -> str:
        """As others in the network have it."""
        return self.server.address.replace("localhost", "127.0.0.2")

    def open_owner(self):
        """The page of who has the token, with the share menu open."""
        page = self.open_at(f"{self.address}?token={TOKEN}")
        page.started()
        page.prompt("lion, 3d render")
        page.settle()
        page.click("#share")
        return page

    def open_at(self, address: str):
        """In a browser of its own, which has no cookie yet."""
        page = harness.Page(address)
        self.addCleanup(page.close)
        return page

    def test_the_code_for_a_phone_opens_the_page_there(self):
        page = self.open_owner()
        page.wait(lambda: not page.is_hidden("share-token"), "who may use the addresses")
        page.click("#share-phone")
        page.wait(lambda: not page.is_hidden("qr"), "code")
        page.screenshot("phone-code")
        image = harness.OUT / "phone-code-alone.png"
        image.write_bytes(page.find("#qr-code").screenshot_as_png)
        command = ["zbarimg", "--quiet", "--raw", str(image)]
        read = subprocess.run(command, capture_output=True, text=True).stdout.strip()
        self.assertTrue(read.startswith(self.address), read)
        self.assertNotIn(TOKEN, read)
        phone = self.open_at(read)
        phone.started()
        self.assertEqual(phone.run("return location.href"), self.address, "no token in sight")
        self.assertEqual(phone.find("#prompt").get_attribute("value"), "lion, 3d render")
        self.assertEqual(phone.console_problems() + page.console_problems(), [])

    def test_the_address_for_obs_shows_the_image_there(self):
        page = self.open_owner()
        page.run(COPIED)
        page.click("#share-address")
        address = page.wait(lambda: page.run("return window.copied"), "address")
        self.assertNotIn(TOKEN, address)
        obs = self.open_at(address)
        for _ in range(200):
            if difference(obs.thumbnail("image"), page.thumbnail()) < 2:
                break
            obs.display_frames(3)
        self.assertLess(difference(obs.thumbnail("image"), page.thumbnail()), 2)

    def test_a_link_carries_nothing_that_opens_the_server(self):
        page = self.open_owner()
        page.run(COPIED)
        page.click("#share-link")
        link = page.wait(lambda: page.run("return window.copied"), "link")
        self.assertNotIn("token", link)


class WithoutToken(PageTest):
    def test_on_this_machine_there_is_no_code_and_the_address_is_plain(self):
        page = self.open()
        page.started()
        page.run(COPIED)
        page.click("#share")
        self.assertTrue(page.is_hidden("share-phone"), "nobody else reaches localhost")
        self.assertFalse(page.is_hidden("share-local"))
        page.click("#share-address")
        address = page.wait(lambda: page.run("return window.copied"), "address")
        self.assertTrue(address.startswith(self.server.address + "out.html#"), address)
