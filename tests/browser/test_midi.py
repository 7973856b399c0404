"""MIDI controllers: a slider learns its control, follows it, and finds it again after a break."""
import json

from harness import PageTest

# A controller of two knobs and a wheel, in place of the browser's own access to MIDI. Tests plug it
# and send its messages by `midi`.
STAND_IN = """
window.midi = {
  inputs: new Map(), access: null,
  plug(name) {
    const port = { id: name, name, state: 'connected', connection: 'open', onmidimessage: null };
    this.inputs.set(name, port);
    this.access?.dispatchEvent(new Event('statechange'));
  },
  unplug(name) {
    this.inputs.get(name).state = 'disconnected';
    this.inputs.delete(name);
    this.access?.dispatchEvent(new Event('statechange'));
  },
  send(name, ...bytes) { this.inputs.get(name)?.onmidimessage?.({ data: new Uint8Array(bytes) }); },
};
navigator.requestMIDIAccess = async () => {
  if (window.midiError) throw new DOMException('no', window.midiError);
  window.midi.access = Object.assign(new EventTarget(), { inputs: window.midi.inputs });
  return window.midi.access;
};
"""
KNOB, OTHER_KNOB, WHEEL, NOTE = 0xB0, 0xB1, 0xE0, 0x90


class Midi(PageTest):
    def open_with(self, script):
        """The page in a browser where `script` ran before it."""
        page = self.open()
        page.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})
        page.driver.refresh()
        page.wait(lambda: page.shown > 0, "image after the reload")
        return page

    def send(self, page, *data, device="Desk"):
        page.run("midi.send(...arguments)", device, *data)

    def status(self, page):
        return page.find("#midi-status").text

    def learn(self, page, slider, *message):
        page.find(slider).click()
        self.assertEqual(page.find(slider).get_attribute("data-midi"), "waiting")
        self.send(page, *message)
        self.assertEqual(page.find(slider).get_attribute("data-midi"), "set")

    def value(self, page, slider):
        return float(page.find(slider).get_attribute("value"))

    def start_learning(self, page):
        page.click("#settings-open")
        page.click("#midi-learn")
        page.wait(lambda: self.status(page), "line about MIDI")

    def test_a_slider_learns_a_control_and_moves_the_image(self):
        page = self.open_with(STAND_IN)
        page.run("midi.plug('Desk')")
        self.start_learning(page)
        self.assertIn("Desk", self.status(page))
        self.learn(page, "#strength", KNOB, 7, 10)
        self.assertIn("channel 1, control 7", self.status(page))
        self.assertEqual(len(page.find_all("#midi-list li")), 1)
        self.learn(page, "#setting-transition_ms", WHEEL, 0, 64)
        before = page.settle()
        for position in range(0, 128, 3):  # 0, 3, ... 126: as fast as messages come
            self.send(page, KNOB, 7, position)
        self.send(page, KNOB, 7, 127)
        page.wait(lambda: self.value(page, "#strength") == 1, "slider at its end")
        page.wait(lambda: self.session()["params"]["strength"] == 1, "strength at the server")
        page.wait_for_images(1, "image of that strength")
        self.assert_differ(page.settle(), before)
        self.send(page, WHEEL, 127, 127)
        page.wait(lambda: self.value(page, "#setting-transition_ms") == float(
            page.find("#setting-transition_ms").get_attribute("max")), "other slider at its end")
        self.send(page, KNOB, 7, 0)
        page.wait(lambda: self.value(page, "#strength") == 0, "slider at its start")
        self.assertEqual(page.console_problems(), [])

    def test_a_slider_that_needs_another_session_is_sent_when_the_control_rests(self):
        page = self.open_with(STAND_IN)
        page.run("midi.plug('Desk')")
        self.start_learning(page)
        self.learn(page, "#setting-steps", KNOB, 1, 0)
        most = int(page.find("#setting-steps").get_attribute("max"))
        for position in (20, 60, 127):
            self.send(page, KNOB, 1, position)
        page.wait(lambda: len(self.session()["params"]["t_index_list"]) == most, "steps at the server")

    def test_what_is_no_position_of_an_assigned_control_does_nothing(self):
        page = self.open_with(STAND_IN)
        page.run("midi.plug('Desk'); midi.plug('Other')")
        self.start_learning(page)
        page.find("#strength").click()
        self.send(page, NOTE, 60, 100)  # a note
        self.send(page, 0xF8)  # a clock
        self.send(page, KNOB, 123, 0)  # all notes off
        self.assertEqual(page.find("#strength").get_attribute("data-midi"), "waiting")
        self.send(page, KNOB, 7, 0)
        before = self.value(page, "#strength")
        self.send(page, OTHER_KNOB, 7, 127)  # another channel
        self.send(page, KNOB, 8, 127)
        self.send(page, KNOB, 7, 127, device="Other")
        page.display_frames(30)
        self.assertEqual(self.value(page, "#strength"), before)

    def test_assignments_survive_a_reload_and_a_cable(self):
        page = self.open_with(STAND_IN + "midi.plug('Desk');")
        self.start_learning(page)
        self.learn(page, "#strength", KNOB, 7, 10)
        page.driver.refresh()
        page.wait(lambda: page.run("return midi.access !== null"), "access without a click")
        page.wait(lambda: page.shown > 0, "image after a reload")
        self.send(page, KNOB, 7, 127)
        page.wait(lambda: self.value(page, "#strength") == 1, "slider after a reload")
        self.start_learning(page)
        page.run("midi.unplug('Desk')")
        self.assertIn("not connected", page.find("#midi-list li").text)
        self.assertIn("No MIDI controller", self.status(page))
        page.run("midi.plug('Desk')")
        self.assertNotIn("not connected", page.find("#midi-list li").text)
        self.send(page, KNOB, 7, 0)
        page.wait(lambda: self.value(page, "#strength") == 0, "slider after the cable")
        page.screenshot("midi")
        page.click("#midi-list li button")
        self.assertEqual(page.find_all("#midi-list li"), [])
        self.assertEqual(page.run("return localStorage.getItem('streamdiffusion.midi')"), "{}")
        self.send(page, KNOB, 7, 127)
        page.display_frames(30)
        self.assertEqual(self.value(page, "#strength"), 0)
        page.click("#settings-close")
        self.assertEqual(page.find_all("[data-midi]"), [])

    def test_damaged_assignments_are_left_out(self):
        stored = {"strength": {"device": "Desk", "channel": 1, "control": 7},
                  "setting-steps": {"device": "Desk", "channel": 17, "control": 7},
                  "setting-seed": None}
        keep = f"localStorage.setItem('streamdiffusion.midi', {json.dumps(json.dumps(stored))});"
        page = self.open_with(STAND_IN + keep)
        self.start_learning(page)
        self.assertEqual(len(page.find_all("#midi-list li")), 1)

    def test_without_web_midi_one_line_says_so(self):
        page = self.open_with("navigator.requestMIDIAccess = undefined;")
        self.start_learning(page)
        self.assertIn("has no Web MIDI", self.status(page))
        page.find("#strength").click()
        self.assertIn("has no Web MIDI", self.status(page))

    def test_a_refusal_is_told(self):
        page = self.open_with(STAND_IN + "window.midiError = 'NotAllowedError';")
        self.start_learning(page)
        page.wait(lambda: "not allowed" in self.status(page), "line about the refusal")
