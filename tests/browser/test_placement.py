"""The page on one of many servers, which a placement names: it goes on elsewhere, with its prompt and its drawing,
when its server says that it ends, ends, or falls silent, as behind a cut link."""
import signal
import time

from harness import PageTest, Server, difference
from placement import Placement

FLAGS = ("--lame-duck", "60", "--max-requests", "1000", "--width", "128", "--height", "128")


class PlacementTest(PageTest):
    @classmethod
    def setUpClass(cls) -> None:
        """The placement comes first: servers must know its address."""
        cls.placement = Placement()
        cls.addClassCleanup(cls.placement.shutdown)
        cls.flags = (*FLAGS, "--allow-origin", cls.placement.origin)
        super().setUpClass()  # the server that the page's files come from; no session is placed there

    def setUp(self) -> None:
        self.servers = [Server(*self.flags), Server(*self.flags)]
        for server in self.servers:
            self.addCleanup(self.end, server)
        self.placement.servers[:] = [s.address.rstrip("/") for s in (*self.servers, self.server)]

    @staticmethod
    def end(server: Server) -> None:
        server.process.send_signal(signal.SIGCONT)
        server.stop()

    def open_and_draw(self):
        """A page on the first server, with a drawing and a prompt; and what the drawing looks like."""
        page = self.open("?place=api/place", server=self.placement)
        page.started()
        page.stroke((0.2, 0.2), (0.8, 0.8))
        page.prompt("lion, 3d render")
        page.wait(lambda: self.prompt_at(self.servers[0]) == "lion, 3d render", "prompt at the first server")
        return page, page.thumbnail("drawing")

    def prompt_at(self, server: Server) -> str:
        return self.session(server).get("params", {}).get("prompt", "")

    def check_second(self, page, drawn: list[int]) -> None:
        """The page runs on the second server as it did on the first."""
        page.wait(lambda: self.prompt_at(self.servers[1]) == "lion, 3d render", "prompt at the second server")
        self.assertLess(difference(page.thumbnail("drawing"), drawn), 1)
        page.stroke((0.8, 0.2), (0.2, 0.8))
        page.wait_for_images(1, "image of a new stroke")

    def test_the_page_moves_before_its_server_ends(self):
        page, drawn = self.open_and_draw()
        self.servers[0].process.terminate()
        page.wait(lambda: "moves to another one" in page.toast, "message")
        self.check_second(page, drawn)
        self.servers[0].process.wait(30)  # long before its 60 s: nobody is left
        self.assertEqual(page.console_problems(), [])

    def test_the_page_leaves_a_server_that_was_killed(self):
        page, drawn = self.open_and_draw()
        self.servers[0].process.kill()
        self.check_second(page, drawn)

    def test_the_page_leaves_a_server_that_is_silent(self):
        page, drawn = self.open_and_draw()
        began = time.monotonic()
        self.servers[0].process.send_signal(signal.SIGSTOP)
        self.check_second(page, drawn)
        print(f"a silent server was left within {time.monotonic() - began:.1f} s; its watchdog has 2")
        self.assertIn(self.servers[0].address.rstrip("/"), self.placement.wishes[-1]["avoid"])

    def test_the_page_says_that_all_are_full_and_goes_on_by_itself(self):
        self.placement.find, find = (lambda avoid: None), self.placement.find
        self.addCleanup(setattr, self.placement, "find", find)
        page = self.open("?place=api/place", server=self.placement)
        page.wait(lambda: "no server has a free place" in page.run("return document.body.innerText"), "message")
        self.placement.find = find
        page.started()
