"""Pictures and films from files, dropped and pasted ones too; a session that falls asleep and wakes."""
import pathlib

from harness import PageTest, difference

SAMPLES = pathlib.Path(__file__).resolve().parents[2] / "samples" / "doodle"


# A picture of one color, handed over as a drop or a paste would.
HAND_OVER = """
const [kind, color] = arguments;
const canvas = new OffscreenCanvas(64, 64);
const context = canvas.getContext('2d');
context.fillStyle = color;
context.fillRect(0, 0, 64, 64);
canvas.convertToBlob().then((blob) => {
  const data = new DataTransfer();
  data.items.add(new File([blob], 'color.png', { type: 'image/png' }));
  window.dispatchEvent(kind === 'paste' ? new ClipboardEvent('paste', { clipboardData: data, cancelable: true })
    : new DragEvent(kind, { dataTransfer: data, cancelable: true }));
});
"""


class Files(PageTest):
    def test_a_dropped_and_a_pasted_picture_go_onto_the_paper(self):
        page = self.open()
        page.started()
        page.run(HAND_OVER, "dragenter", "black")
        page.wait(lambda: page.find("#stage").get_attribute("data-drop") is not None, "the place to drop it", 5)
        page.run(HAND_OVER, "drop", "rgb(255, 0, 0)")
        page.wait(lambda: page.look("paper")[3 * 27:3 * 28] == [255, 0, 0], "the red picture", 5)
        self.assertIsNone(page.find("#stage").get_attribute("data-drop"))
        page.run(HAND_OVER, "paste", "rgb(0, 0, 255)")
        page.wait(lambda: page.look("paper")[3 * 27:3 * 28] == [0, 0, 255], "the blue picture", 5)
        self.assertEqual(page.complaints(), [])

    def test_a_picture_from_a_file_goes_onto_the_paper(self):
        page = self.open()
        page.started()
        before = page.settle()
        page.find("#file").send_keys(str(SAMPLES / "023.png"))
        page.wait(lambda: difference(page.look(), before) > 3, "the picture of the file")
        self.assertGreater(page.look("paper")[3 * 27], 180, "the apple's red near the middle")

    def test_a_film_from_a_file_plays_and_is_followed(self):
        page = self.open()
        page.started()
        page.run("""
            const paper = document.getElementById('paper');
            const recorder = new MediaRecorder(paper.captureStream(30), { mimeType: 'video/webm' });
            const parts = [];
            recorder.ondataavailable = ({ data }) => parts.push(data);
            recorder.onstop = () => {
              const transfer = new DataTransfer();
              transfer.items.add(new File(parts, 'film.webm', { type: 'video/webm' }));
              const input = document.getElementById('file');
              input.files = transfer.files;
              input.dispatchEvent(new Event('change'));
            };
            recorder.start();
            document.getElementById('starter').click();
            setTimeout(() => recorder.stop(), 3000);""")
        page.wait(lambda: page.find("[data-source='video']").get_attribute("aria-pressed") == "true", "the film chosen")
        count = page.shown
        page.wait(lambda: page.shown > count + 5, "pictures of the film")
        page.shoot("film")
        self.assertEqual(page.complaints(), [])


class Sleep(PageTest):
    flags = ("--idle-timeout", "2")

    def test_a_session_left_alone_falls_asleep_and_wakes_with_the_next_stroke(self):
        page = self.open()
        page.started()
        page.wait(lambda: page.state == "Asleep", "the sleep")
        count = page.shown
        page.click("[data-tool='fill']")
        page.stroke((0.05, 0.05))
        page.wait(lambda: page.shown > count, "the picture after the sleep")
