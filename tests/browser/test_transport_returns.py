"""When the page leaves video for the WebSocket again. Each test takes the page's own half a minute."""
import time

from harness import PageTest
from slow_proxy import SlowProxy
from test_transport import NO_ROUND_TRIP, WAY

# The images of the video come two seconds late, as from a network that holds them up. The camera's
# own do not.
LATE_VIDEO = """
const waiting = [];
const { requestVideoFrameCallback } = HTMLVideoElement.prototype;
HTMLVideoElement.prototype.requestVideoFrameCallback = function (callback) {
  if (!this.classList.contains("video-link")) return requestVideoFrameCallback.call(this, callback);
  return requestVideoFrameCallback.call(this, (now, metadata) => {
    waiting.push({ due: now + 2000, metadata });
    const due = waiting.findLast((image) => image.due <= now);
    if (due) callback(now, due.metadata);
    else this.requestVideoFrameCallback(callback);
  });
};
"""


class TransportReturns(PageTest):
    def video_through_a_slow_websocket(self, script: str):
        proxy = self.enterContext(SlowProxy(self.server.port, delay_s=0.2))
        page = self.open_by("auto", proxy)
        page.run(script)
        page.started()
        page.click("[data-source=camera]")
        page.wait(lambda: page.run(WAY) == "video", "images by video", 60)
        return page

    def returns(self, page, timeout: float) -> float:
        """After how many seconds the page is back at the WebSocket; and it stays there."""
        begin = time.monotonic()
        page.wait(lambda: page.run(WAY) == "image by image", "images by the WebSocket", timeout)
        seconds = time.monotonic() - begin
        page.wait_for_images(20, "images by the WebSocket")
        time.sleep(8)  # longer than what the page measures before it tries video
        self.assertEqual(page.run(WAY), "image by image")
        self.assertEqual(page.console_problems(), [])
        return seconds

    def test_a_video_whose_images_are_older_is_left(self):
        page = self.video_through_a_slow_websocket(LATE_VIDEO)
        self.assertLess(self.returns(page, 30), 28)

    def test_a_network_that_is_fast_has_the_websocket(self):
        page = self.video_through_a_slow_websocket(NO_ROUND_TRIP)
        self.assertGreater(self.returns(page, 60), 25)
