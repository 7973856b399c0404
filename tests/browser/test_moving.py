"""A server that announces its end: the page goes on with another one behind the same address."""
import json
import time
import urllib.request

from balancer import Balancer
from harness import PageTest, Server


class Moving(PageTest):
    flags = ("--lame-duck", "60", "--max-requests", "1000")

    def test_the_page_moves_before_its_server_ends(self):
        other = Server(*self.flags)
        self.addCleanup(other.stop)
        with Balancer(self.server.port, other.port) as balancer:
            self.addCleanup(balancer.shutdown)
            page = self.open(server=balancer)
            page.started()
            page.prompt("lion, 3d render")
            page.wait(lambda: self.sent_prompt() == "lion, 3d render", "prompt at the first server")
            self.server.process.terminate()
            page.wait(lambda: "moves to another one" in page.toast, "message")
            page.wait(lambda: self.session(other) and self.session(other)["params"]["prompt"] == "lion, 3d render",
                      "session with the prompt at the other server")
            self.server.process.wait(30)  # long before its 60 s: nobody is left
            count = page.shown
            page.stroke((0.5, 0.5), (0.6, 0.6))
            page.wait(lambda: page.shown > count, "image of the other server")
            self.assertEqual(page.run("return document.getElementById('lost-badge').hidden"), True)
            self.assertEqual(page.console_problems(), [])
