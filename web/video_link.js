// A WebRTC connection beside the WebSocket of a session (docs/webrtc.md): the session's images come
// as video, and frames go as video. Events: `image` {video, mark}, `failed`.

export class VideoLink extends EventTarget {
  #connection = new RTCPeerConnection();
  #video = document.createElement("video");
  #abort = new AbortController();
  #sender = null;
  #frames = null;  // the track of the canvas
  #sending = false;
  #closed = false;

  /** Whether this browser has what a link needs. */
  static get possible() {
    return "RTCPeerConnection" in window && "requestVideoFrameCallback" in HTMLVideoElement.prototype &&
      "captureStream" in HTMLCanvasElement.prototype;
  }

  /** Connects by the route at `address`. What `canvas` shows is what sendFrame() sends. */
  constructor(address, canvas) {
    super();
    this.canvas = canvas;
    this.roundTripMs = null;  // once it is known
    this.#open(address).catch(() => this.#fail());
  }

  /** Sends the canvas as it is now. */
  sendFrame() {
    if (!this.#sending) this.#send(true);
    this.#frames.requestFrame();
  }

  /** Nothing is sent until the next sendFrame(), also where the browser would repeat an image. */
  stopSending() {
    if (this.#sending) this.#send(false);
  }

  close() {
    this.#closed = true;
    this.#abort.abort();
    this.#connection.close();
    this.#frames?.stop();
    this.#video.srcObject = null;
    this.#video.remove();
  }

  /** The round trip may be 0: browsers give it in whole milliseconds. */
  async measure() {
    const found = [...(await this.#connection.getStats()).values()].find((entry) =>
      entry.type === "candidate-pair" && entry.nominated && entry.currentRoundTripTime !== undefined);
    if (found) this.roundTripMs = 1000 * found.currentRoundTripTime;
  }

  async #open(address) {
    const connection = this.#connection;
    const { sender, receiver } = connection.addTransceiver("video", { direction: "sendrecv" });
    this.#sender = sender;
    receiver.jitterBufferTarget = 0;
    connection.onconnectionstatechange = () => {
      if (connection.connectionState === "failed") this.#fail();
    };
    this.#show(receiver.track);
    await connection.setLocalDescription();
    const answer = await fetch(address, {
      method: "POST", headers: { "Content-Type": "application/sdp" },
      body: connection.localDescription.sdp, signal: this.#abort.signal,
    });
    if (!answer.ok) throw new Error(String(answer.status));
    await connection.setRemoteDescription({ type: "answer", sdp: await answer.text() });
  }

  /** A browser calls back for images of a video that is on the page alone. */
  #show(track) {
    const video = this.#video;
    Object.assign(video, { className: "video-link", muted: true, playsInline: true, autoplay: true });
    video.setAttribute("aria-hidden", "true");
    video.srcObject = new MediaStream([track]);
    document.body.append(video);
    const next = () => video.requestVideoFrameCallback((_, { rtpTimestamp }) => {
      if (this.#closed) return;
      const mark = rtpTimestamp === undefined ? undefined : rtpTimestamp & 0xff;
      this.dispatchEvent(new CustomEvent("image", { detail: { video, mark } }));
      next();
    });
    next();
    video.play().catch(() => { /* it was closed first */ });
  }

  #send(on) {
    this.#sending = on;
    this.#frames ??= this.canvas.captureStream(0).getVideoTracks()[0];
    this.#sender.replaceTrack(on ? this.#frames : null).catch(() => { /* it was closed */ });
  }

  #fail() {
    if (!this.#closed) this.dispatchEvent(new CustomEvent("failed"));
  }
}
