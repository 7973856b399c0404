// The page with the drawing of moving.js as its camera: measures the age of what it shows, once it
// has had time to choose its way.
const SETTLE_MS = 14000;
const output = document.getElementById("output");
const stream = canvas.captureStream(RATE);
const timer = setInterval(draw, 1000 / RATE);
navigator.mediaDevices.getUserMedia = async () => stream;
document.querySelector("[data-source=camera]").click();
setTimeout(() => {
  output.addEventListener("shown", () => take(output));
  setTimeout(() => {
    clearInterval(timer);
    const note = document.getElementById("stat-way").textContent;
    done({ ages, gaps: shown.slice(1).map((at, i) => at - shown[i]), note });
  }, 1000 * seconds);
}, SETTLE_MS);
