// MIDI messages that carry the position of a knob or a fader, and what such a message came from.
const CONTROL_CHANGE = 0xb0, PITCH_BEND = 0xe0;  // MIDI 1.0 detailed specification, table I
const CHANNEL_MODE = 120;  // from this controller on: all sound off, all notes off, ...

/** {channel: 1..16, control: 0..119 or "bend", value: 0..1}, or null where `data` is another message. */
export function positionOf(data) {
  if (data?.length !== 3) return null;
  const kind = data[0] & 0xf0, channel = (data[0] & 0x0f) + 1;
  if (kind === CONTROL_CHANGE && data[1] < CHANNEL_MODE) {
    return { channel, control: data[1], value: data[2] / 127 };
  }
  if (kind === PITCH_BEND) {
    return { channel, control: "bend", value: (data[2] * 128 + data[1]) / 16383 };
  }
  return null;
}

/** Whether what was stored names a control of a device. */
export function isControl({ device, channel, control } = {}) {
  const isNumber = Number.isInteger(control) && control >= 0 && control < CHANNEL_MODE;
  return typeof device === "string" && Number.isInteger(channel) && channel >= 1 &&
    channel <= 16 && (isNumber || control === "bend");
}

export function sameControl(a, b) {
  return a.device === b.device && a.channel === b.channel && a.control === b.control;
}
