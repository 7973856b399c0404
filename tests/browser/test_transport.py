"""By which way the page's images come: the WebSocket, or video over WebRTC where that is faster."""
import contextlib
import os
import pathlib
import signal
import time

from harness import PageTest
from slow_proxy import SlowProxy

WAY = "return document.getElementById('stat-way').textContent"
# Counts what is shown as it is shown: images of the video come from a video element.
AGES = """
window.ages = [];
document.getElementById('output').addEventListener('shown', ({ detail: { header, at } }) =>
  window.ages.push(header.captured === undefined ? null : at - header.captured));
"""
# Over the loopback a round trip often takes less than a browser's whole millisecond.
NO_ROUND_TRIP = """
const { getStats } = RTCPeerConnection.prototype;
RTCPeerConnection.prototype.getStats = async function () {
  return new Map([...(await getStats.call(this))].map(([id, entry]) =>
    [id, entry.currentRoundTripTime === undefined ? entry : { ...entry, currentRoundTripTime: 0 }]));
};
"""


def video_processes(server) -> list[int]:
    """The processes of the server's WebRTC connections."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            status = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            name = (folder / "comm").read_text()
            if name.startswith("streamdiffusion") and int(status[1]) == server.process.pid:
                found.append(int(folder.name))
    return found


class Transport(PageTest):
    def open_with(self, transport: str, server=None):
        page = self.open_by(transport, server)
        page.run(AGES)
        return page

    def way_is(self, page, way: str, timeout=30) -> None:
        page.wait(lambda: page.run(WAY) == way, f"images by {way}", timeout)

    def test_wanted_video_shows_images_and_follows_prompts(self):
        page = self.open_with("webrtc")
        page.started()
        self.way_is(page, "video")
        before = page.settle()
        page.prompt("lion, 3d render")
        page.wait(lambda: self.sent_prompt() == "lion, 3d render", "prompt")
        page.wait(lambda: page.thumbnail() != before, "image of the prompt")
        self.assert_differ(page.settle(), before)
        page.run("ages.length = 0")

        def ages_after_a_stroke() -> int:  # a busy machine makes few images of one
            page.stroke((0.2, 0.3), (0.8, 0.35), (0.2, 0.5), (0.8, 0.6), (0.3, 0.75))
            return page.run("return ages.filter((age) => age !== null).length")

        page.wait(lambda: ages_after_a_stroke() > 3, "ages")
        known = page.run("return ages.filter((age) => age !== null)")
        self.assertGreater(min(known), 0)
        self.assertLess(min(known), 5000)
        self.assertEqual(page.console_problems(), [])

    def test_a_still_image_is_that_of_the_server(self):
        page = self.open_with("webrtc")
        page.started()
        self.way_is(page, "video")
        page.stroke((0.2, 0.3), (0.8, 0.35), (0.2, 0.5))
        page.settle(1.5)
        same = page.driver.execute_async_script("""
          const done = arguments[0];
          (async () => {
            const { id } = (await (await fetch('api/sessions')).json()).sessions.at(-1);
            const bitmap = await createImageBitmap(await (await fetch(`api/image/${id}`)).blob());
            const read = (image) => {
              const context = Object.assign(document.createElement('canvas'),
                { width: bitmap.width, height: bitmap.height }).getContext('2d');
              context.drawImage(image, 0, 0);
              return context.getImageData(0, 0, bitmap.width, bitmap.height).data.join();
            };
            done(read(bitmap) === read(document.getElementById('output')));
          })();""")
        self.assertTrue(same)

    def test_a_camera_goes_as_video(self):
        page = self.open_with("webrtc")
        page.run(NO_ROUND_TRIP)
        page.started()
        self.way_is(page, "video")
        page.click("[data-source=camera]")
        page.wait(lambda: self.session()["params"]["mode"] == "img2img", "mode")
        page.wait_for_images(10, "images of the camera")
        page.wait(lambda: len([age for age in page.run("return ages") if age]) > 3, "ages")
        self.assertEqual(page.console_problems(), [])

    def test_a_fast_network_keeps_the_websocket(self):
        page = self.open_with("auto")
        page.started()
        page.click("[data-source=camera]")
        page.wait_for_images(60, "images of the camera")
        self.assertEqual(page.run(WAY), "image by image")
        self.assertEqual(video_processes(self.server), [])
        self.assertEqual(page.console_problems(), [])

    def test_a_slow_websocket_is_left_for_video(self):
        with SlowProxy(self.server.port, delay_s=0.2) as proxy:
            self.addCleanup(proxy.shutdown)
            page = self.open_with("auto", proxy)
            page.started()
            self.assertEqual(page.run(WAY), "image by image")
            page.click("[data-source=camera]")
            self.way_is(page, "video", 60)
            page.wait_for_images(20, "images of the camera")
            self.assertEqual(page.console_problems(), [])

    def test_where_the_video_dies_the_websocket_has_the_images(self):
        page = self.open_with("webrtc")
        page.started()
        page.click("[data-source=camera]")
        self.way_is(page, "video")
        page.wait_for_images(5, "images by video")
        processes = video_processes(self.server)
        self.assertEqual(len(processes), 1)
        os.kill(processes[0], signal.SIGKILL)
        page.wait_for_images(5, "images by the WebSocket")
        self.way_is(page, "image by image")
        self.assertEqual(page.console_problems(), [])

    def test_where_the_video_stands_still_the_page_returns_and_stays(self):
        with SlowProxy(self.server.port, delay_s=0.2) as proxy:
            self.addCleanup(proxy.shutdown)
            page = self.open_with("auto", proxy)
            page.started()
            page.click("[data-source=camera]")
            self.way_is(page, "video", 60)
            os.kill(video_processes(self.server)[0], signal.SIGSTOP)
            self.way_is(page, "image by image")
            page.wait_for_images(20, "images by the WebSocket")
            time.sleep(8)  # longer than what the page measures before it tries video
            self.assertEqual(page.run(WAY), "image by image")
            self.assertEqual(page.console_problems(), [])

    def test_the_visitor_chooses(self):
        page = self.open_with("")
        page.started()
        page.open_settings()
        self.assertEqual(page.run(WAY), "image by image")
        page.run("document.querySelector('input[name=setting-transport][value=WebRTC]').click()")
        self.way_is(page, "video")
        page.run("document.querySelector('input[name=setting-transport][value=WebSocket]').click()")
        self.way_is(page, "image by image")
        count = page.shown
        page.stroke((0.5, 0.5), (0.6, 0.6))
        page.wait(lambda: page.shown > count, "image by the WebSocket")
        page.wait(lambda: not video_processes(self.server), "end of the video's process")
        self.assertEqual(page.console_problems(), [])


class WithoutWebRtc(PageTest):
    flags = ("--webrtc", "off")

    def test_nothing_is_offered(self):
        page = self.open("?transport=webrtc")
        page.started()
        self.assertTrue(page.is_hidden("stat-way"))
        self.assertEqual(page.run("return document.getElementsByName('setting-transport').length"), 0)
        self.assertEqual(page.console_problems(), [])
