// Sends the drawing of moving.js and measures the age of the images that come back.
const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16)).join("");
const params = { type: "settings", params: { width: side, height: side, jpeg_quality: 85 } };
let stop = () => {}, sent = 0;

let state = () => "";

function finish(note = ages.length ? "" : state()) {
  stop();
  const skip = ages.slice(Math.floor(ages.length / 5));  // the start
  done({ ages: skip, gaps: shown.slice(1).map((at, i) => at - shown[i]), sent, note });
}

function startSocket() {
  const url = new URL(`api/ws/${id}?frames=binary`, location.href);
  url.protocol = "ws:";
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  let unanswered = 0, seq = 0, timer = 0;
  const send = () => {
    draw();
    if (unanswered >= 3 || socket.bufferedAmount > 1 << 20) return;
    ++unanswered;
    canvas.toBlob(async (blob) => {
      const head = new TextEncoder().encode(JSON.stringify({ seq: ++seq }));
      const bytes = new Uint8Array(4 + head.length + blob.size);
      new DataView(bytes.buffer).setUint32(0, head.length, true);
      bytes.set(head, 4);
      bytes.set(new Uint8Array(await blob.arrayBuffer()), 4 + head.length);
      ++sent;
      socket.send(bytes);
    }, "image/jpeg", 0.88);
  };
  socket.onmessage = async ({ data }) => {
    if (typeof data === "string") {
      if (JSON.parse(data).status === "connected") {
        socket.send(JSON.stringify(params));
        timer = setInterval(send, 1000 / RATE);
      }
      return;
    }
    const length = new DataView(data).getUint32(0, true);
    unanswered = Math.max(0, seq - JSON.parse(new TextDecoder().decode(data.slice(4, 4 + length))).seq);
    take(await createImageBitmap(new Blob([data.slice(4 + length)])));
  };
  stop = () => { clearInterval(timer); socket.close(); };
}

async function startVideo() {
  const connection = new RTCPeerConnection();
  const control = connection.createDataChannel("control");
  control.onopen = () => control.send(JSON.stringify(params));
  const track = canvas.captureStream(RATE).getVideoTracks()[0];
  connection.addTransceiver(track, { direction: "sendrecv" });
  const video = Object.assign(document.createElement("video"), { muted: true, autoplay: true });
  document.body.append(video);
  connection.ontrack = ({ receiver, streams, track: theirs }) => {
    receiver.jitterBufferTarget = 0;
    video.srcObject = new MediaStream([theirs]);
    const each = () => { take(video); video.requestVideoFrameCallback(each); };
    video.requestVideoFrameCallback(each);
    video.play();
  };
  const timer = setInterval(() => { draw(); ++sent; }, 1000 / RATE);
  state = () => `${connection.connectionState}, ${connection.iceConnectionState}, ` +
    `${control.readyState}, ${video.videoWidth}x${video.videoHeight}`;
  await connection.setLocalDescription();
  await new Promise((resolve) => {
    if (connection.iceGatheringState === "complete") return resolve();
    connection.onicegatheringstatechange = () => connection.iceGatheringState === "complete" && resolve();
    setTimeout(resolve, 1000);
  });
  const answer = await fetch(`api/webrtc/${id}`, {
    method: "POST", headers: { "Content-Type": "application/sdp" }, body: connection.localDescription.sdp,
  });
  if (!answer.ok) return finish(await answer.text());
  await connection.setRemoteDescription({ type: "answer", sdp: await answer.text() });
  stop = () => { clearInterval(timer); connection.close(); };
}

setTimeout(() => finish(), 1000 * seconds);
try {
  await (transport === "websocket" ? startSocket() : startVideo());
} catch (error) {
  finish(String(error));
}
