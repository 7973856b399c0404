"""What is saved: images larger and beside their drawing, videos and GIFs."""
import json
import struct

from harness import PageTest, difference

# Keeps what is downloaded: `type`, and `bytes` of images.
CATCH_DOWNLOADS = """
window.saved = null;
const createObjectURL = URL.createObjectURL;
URL.createObjectURL = (blob) => {
  blob.arrayBuffer().then((buffer) => {
    window.saved = { type: blob.type, size: blob.size, bytes: buffer };
  });
  return createObjectURL(blob);
};
"""
SAVED = "return window.saved && [window.saved.type, window.saved.size]"
BYTES = "return Array.from(new Uint8Array(window.saved.bytes))"

# Decodes what was saved: its size, thumbnails of its first and its last frame, and all durations.
DECODE = """
const done = arguments[0];
(async () => {
  const decoder = new ImageDecoder({ data: window.saved.bytes, type: window.saved.type });
  await decoder.tracks.ready;
  await decoder.completed;
  const { frameCount } = decoder.tracks.selectedTrack, durations = [], thumbnails = [];
  let size;
  for (let i = 0; i < frameCount; i += 1) {
    const { image } = await decoder.decode({ frameIndex: i });
    durations.push(image.duration / 1000);
    size = [image.displayWidth, image.displayHeight];
    if (i === 0 || i === frameCount - 1) {
      const small = new OffscreenCanvas(8, 8), context = small.getContext('2d');
      context.imageSmoothingQuality = 'high';
      context.drawImage(image, size[0] - size[1], 0, size[1], size[1], 0, 0, 8, 8);
      thumbnails.push(Array.from(context.getImageData(0, 0, 8, 8).data).filter((_, k) => k % 4 < 3));
    }
    image.close();
  }
  done({ size, durations, thumbnails });
})().catch((error) => done({ error: String(error) }));
"""

# Of the last frame of a GIF that was saved: thumbnails of rectangles [left, top, width, height].
LAST_FRAME = """
const [rectangles, done] = arguments;
(async () => {
  const decoder = new ImageDecoder({ data: window.saved.bytes, type: window.saved.type });
  await decoder.tracks.ready;
  await decoder.completed;
  const frameIndex = decoder.tracks.selectedTrack.frameCount - 1;
  const { image } = await decoder.decode({ frameIndex });
  done(rectangles.map((rectangle) => {
    const small = new OffscreenCanvas(8, 8), context = small.getContext('2d');
    context.imageSmoothingQuality = 'high';
    context.drawImage(image, ...rectangle, 0, 0, 8, 8);
    return Array.from(context.getImageData(0, 0, 8, 8).data).filter((_, k) => k % 4 < 3);
  }));
})().catch((error) => done({ error: String(error) }));
"""

# The size of a video that was saved, and a thumbnail of the first frame that is shown.
PLAY = """
const done = arguments[0];
const video = document.createElement('video');
video.muted = true;
video.src = URL.createObjectURL(new Blob([window.saved.bytes], { type: window.saved.type }));
video.onerror = () => done({ error: 'cannot play' });
video.play();
video.requestVideoFrameCallback(() => {
  const small = new OffscreenCanvas(8, 8), context = small.getContext('2d');
  context.drawImage(video, 0, 0, 8, 8);
  const data = Array.from(context.getImageData(0, 0, 8, 8).data).filter((_, k) => k % 4 < 3);
  done({ size: [video.videoWidth, video.videoHeight], thumbnails: [data] });
});
"""


class Saving(PageTest):
    def ready(self):
        page = self.open()
        page.started()
        page.settle()
        page.run(CATCH_DOWNLOADS)
        return page

    def choose(self, page, **choices):
        page.click("#save-open")
        for name, value in choices.items():
            page.run("document.querySelector(arguments[0]).click()",
                     "#save-beside" if name == "beside" else f"[name='save-{name}'][value='{value}']")
        page.screenshot("save-menu")
        page.click("#save-menu .button:not(.button-main)")

    def wait_for_file(self, page) -> list:
        return page.wait(lambda: page.run(SAVED), "file")

    def test_an_image_is_saved_larger_with_its_drawing_beside_it(self):
        page = self.ready()
        self.choose(page, scale=4, beside=True)
        page.press("s")
        self.assertEqual(self.wait_for_file(page)[0], "image/png")
        png = bytes(page.run(BYTES))
        self.assertEqual(struct.unpack(">II", png[16:24]), (2048, 1024))
        self.assertIn(b"t_index_list", png, "the settings are inside")
        image = page.driver.execute_async_script(DECODE)
        self.assertLess(difference(image["thumbnails"][0], page.thumbnail()), 2)
        stored = json.loads(page.run("return localStorage.getItem('streamdiffusion.settings')"))
        self.assertEqual((stored["save_scale"], stored["save_beside"]), (4, True))
        self.assertEqual(page.console_problems(), [])

    def record(self, page, strokes: bool) -> list:
        page.click("#record")
        if strokes:
            page.stroke((0.2, 0.2), (0.8, 0.3), (0.2, 0.4), (0.8, 0.5))
        page.wait(lambda: page.find("#rec-time").text >= "0:02", "two seconds")
        page.click("#record")
        return self.wait_for_file(page)

    def test_recording_gives_a_video_even_at_rest(self):
        page = self.ready()
        for strokes in (False, True):
            with self.subTest(strokes=strokes):
                page.run("window.saved = null")
                kind, size = self.record(page, strokes)
                mp4 = page.run("return MediaRecorder.isTypeSupported('video/mp4;codecs=avc1.42E01E')")
                self.assertEqual(kind, "video/mp4" if mp4 else "video/webm")
                self.assertGreater(size, 1000)
                video = page.driver.execute_async_script(PLAY)
                self.assertEqual(video["size"], [256, 256])
                self.assertGreater(difference(video["thumbnails"][0], [0] * 192), 30, "not black")

    def test_recording_gives_a_gif_with_the_drawing_beside_it(self):
        page = self.ready()
        self.choose(page, recording="gif", beside=True)
        before = page.thumbnail()
        self.assertEqual(self.record(page, True)[0], "image/gif")
        after = page.settle()
        gif = page.driver.execute_async_script(DECODE)
        self.assertEqual(gif["size"], [512, 256])
        self.assertGreater(len(gif["durations"]), 2)
        self.assertGreater(sum(gif["durations"]), 1500)
        self.assertLess(difference(gif["thumbnails"][0], before), 4)
        self.assertLess(difference(gif["thumbnails"][1], after), 4)
        self.assertEqual(page.console_problems(), [])

    def test_a_recording_keeps_the_whole_image_when_its_size_changes(self):
        page = self.ready()
        self.choose(page, recording="gif")
        page.prompt("lion")  # something up to the edges
        wide = {"image": [0, 43, 256, 170], "empty": [[0, 0, 256, 40], [0, 216, 256, 40]]}
        high = {"image": [43, 0, 170, 256], "empty": [[0, 0, 40, 256], [216, 0, 40, 256]]}
        beside = {"image": [256, 43, 256, 170], "empty": [[256, 0, 256, 40], [256, 216, 256, 40]],
                  "drawing": [0, 43, 256, 170]}
        for size, at in (({"width": 384}, wide), ({"height": 384}, high), ({"width": 384}, beside)):
            with self.subTest(size=size, beside=at is beside):
                if at is beside:
                    self.choose(page, beside=True)
                image, drawing = self.record_while_resized(page, size)
                places = [at["image"], *at["empty"], *([at["drawing"]] if at is beside else [])]
                found = page.driver.execute_async_script(LAST_FRAME, places)
                self.assertLess(difference(found[0], image), 8)
                for empty in found[1:3]:
                    self.assertLess(difference(empty, [255] * 192), 8)  # the colors of a GIF
                if at is beside:
                    self.assertLess(difference(found[3], drawing), 8)

    def record_while_resized(self, page, size: dict) -> list:
        """Records, and gives another size meanwhile. Returns what the page shows at the end."""
        sides = "const c = document.getElementById('output'); return [c.width, c.height]"
        self.patch({"width": 256, "height": 256})
        page.wait(lambda: page.run(sides) == [256, 256], "square")
        page.settle()
        page.run("window.saved = null")
        page.click("#record")
        self.patch(size)
        page.wait(lambda: page.run(sides) == [size.get("width", 256), size.get("height", 256)], "size")
        image = page.settle()
        page.click("#record")
        self.wait_for_file(page)
        return image, page.thumbnail("drawing")
