"""Chromium's own WebRTC with the server: its fake camera in, images and messages out."""
from harness import PageTest

CONNECT = """
const done = arguments[0];
const texts = [], note = {};
window.peer = { texts, images: 0, width: 0 };
(async () => {
  const camera = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
  const connection = window.peer.connection = new RTCPeerConnection();
  const control = window.peer.control = connection.createDataChannel("control");
  control.onmessage = ({ data }) => texts.push(JSON.parse(data));
  connection.addTransceiver(camera.getVideoTracks()[0], { direction: "sendrecv" });
  const video = document.createElement("video");
  video.muted = true;
  document.body.append(video);
  connection.ontrack = ({ track }) => {
    video.srcObject = new MediaStream([track]);
    const each = () => {
      window.peer.images += 1;
      window.peer.width = video.videoWidth;
      video.requestVideoFrameCallback(each);
    };
    video.requestVideoFrameCallback(each);
    video.play();
  };
  await connection.setLocalDescription();
  const answer = await fetch("api/webrtc/chromium", {
    method: "POST", headers: { "Content-Type": "application/sdp" },
    body: connection.localDescription.sdp,
  });
  if (answer.status !== 201) return done(`${answer.status} ${await answer.text()}`);
  window.peer.location = new URL(answer.headers.get("Location"), answer.url).href;
  await connection.setRemoteDescription({ type: "answer", sdp: await answer.text() });
  done("");
})().catch((error) => done(String(error)));
"""


class WebRtc(PageTest):
    def test_video_and_messages_go_both_ways(self):
        page = self.open()
        problem = page.driver.execute_async_script(CONNECT)
        if problem.startswith("501"):
            self.skipTest("built without WebRTC")
        self.assertEqual(problem, "")
        page.wait(lambda: page.run("return peer.images") > 5, "images by WebRTC")
        self.assertEqual(page.run("return peer.width"), 256)
        page.wait(lambda: page.run("return peer.texts.some(({ status }) => status === 'stats')"), "statistics")
        page.run("peer.control.send(JSON.stringify({ type: 'settings', params: { seed: 77 } }))")
        page.wait(lambda: page.run("return peer.texts.some(({ params }) => params?.seed === 77)"), "the change")
        self.assertEqual(page.run("return fetch(peer.location, { method: 'DELETE' }).then((a) => a.status)"), 200)
        page.wait(lambda: page.run("return peer.control.readyState !== 'open'"), "the end")
