"""Images and videos from files, dropped and pasted ones too, and the server's idle timeout."""
import pathlib
import struct
import tempfile
import zlib

from harness import PageTest, difference

MIDDLE = slice(3 * 27, 3 * 28)  # a pixel near the middle of a thumbnail

# Drops or pastes an image of one color.
SEND_IMAGE = """
const [kind, color] = arguments;
const canvas = new OffscreenCanvas(64, 64);
const context = canvas.getContext('2d');
context.fillStyle = color;
context.fillRect(0, 0, 64, 64);
canvas.convertToBlob().then((blob) => {
  const data = new DataTransfer();
  data.items.add(new File([blob], 'color.png', { type: 'image/png' }));
  window.dispatchEvent(kind === 'paste'
    ? new ClipboardEvent('paste', { clipboardData: data, cancelable: true })
    : new DragEvent(kind, { dataTransfer: data, cancelable: true }));
});
"""

# Records forty frames of a moving square, as many on a busy machine, and opens them as a file.
OPEN_RECORDING = """
const canvas = document.createElement('canvas');
canvas.width = canvas.height = 256;
const context = canvas.getContext('2d');
const stream = canvas.captureStream(0);
const recorder = new MediaRecorder(stream, { mimeType: 'video/webm' });
const parts = [];
recorder.ondataavailable = ({ data }) => parts.push(data);
recorder.onstop = () => {
  const transfer = new DataTransfer();
  transfer.items.add(new File(parts, 'square.webm', { type: 'video/webm' }));
  const input = document.getElementById('file');
  input.files = transfer.files;
  input.dispatchEvent(new Event('change'));
};
recorder.start();
let frame = 0;
const paint = () => {
  context.fillStyle = '#fad63c';
  context.fillRect(0, 0, 256, 256);
  context.fillStyle = '#d62828';
  context.fillRect(20 + 3 * frame, 80, 90, 90);
  stream.getVideoTracks()[0].requestFrame();
  frame += 1;
  if (frame < 40) setTimeout(paint, 50);
  else recorder.stop();
};
paint();
"""


def write_png(path: pathlib.Path, color: tuple[int, int, int], side=64) -> None:
    """An image of one color."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + \
            struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    lines = (b"\0" + bytes(color) * side) * side
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) +
                     chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


class Files(PageTest):
    def test_a_dropped_and_a_pasted_image_become_the_drawing(self):
        page = self.open()
        page.started()

        def wait_for_color(color, what):
            page.wait(lambda: page.thumbnail("drawing")[MIDDLE] == color, what, 5)

        page.run(SEND_IMAGE, "dragenter", "black")
        stage = page.find("#stage")
        page.wait(lambda: stage.get_attribute("data-drop") is not None, "drop area", 5)
        page.run(SEND_IMAGE, "drop", "rgb(255, 0, 0)")
        wait_for_color([255, 0, 0], "red image")
        self.assertIsNone(stage.get_attribute("data-drop"))
        page.run(SEND_IMAGE, "paste", "rgb(0, 0, 255)")
        wait_for_color([0, 0, 255], "blue image")
        self.assertEqual(page.console_problems(), [])

    def test_an_image_from_a_file_becomes_the_drawing(self):
        page = self.open()
        page.started()
        before = page.settle()
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "red.png")
            write_png(file, (214, 40, 40))
            page.find("#file").send_keys(str(file))
            page.wait(lambda: difference(page.thumbnail(), before) > 3, "image of the file")
        self.assertEqual(page.thumbnail("drawing")[MIDDLE], [214, 40, 40])

    def test_a_video_from_a_file_plays_and_gives_images(self):
        page = self.open()
        page.started()
        page.run(OPEN_RECORDING)
        video = page.find("[data-source='video']")
        page.wait(lambda: video.get_attribute("aria-pressed") == "true", "video source")
        page.wait_for_images(6, "images of the video")
        page.screenshot("video")
        self.assertEqual(page.console_problems(), [])


class IdleTimeout(PageTest):
    flags = ("--idle-timeout", "2")

    def test_an_idle_session_ends_and_starts_again_with_the_next_stroke(self):
        page = self.open()
        page.started()
        page.wait(lambda: page.state == "Asleep", "idle timeout")
        count = page.shown
        page.click("[data-tool='fill']")
        page.stroke((0.05, 0.05))
        page.wait(lambda: page.shown > count, "image of the new session")
