// A drawing that moves, with the time of each frame drawn into it as 16 black and white bars, and what
// reads the age of an image by them. Arguments of the script: transport, side, seconds, done.
const [transport, side, seconds, done] = arguments;
const BARS = 16, RATE = 30;
const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
const context = canvas.getContext("2d");
const read = Object.assign(document.createElement("canvas"), { width: side, height: side })
  .getContext("2d", { willReadFrequently: true });
const clock = () => Math.floor(performance.now()) & 0xffff;
const dots = Array.from({ length: 60 }, () => [0, 0, 0, 0].map(() => Math.random()));

function draw() {
  context.fillStyle = `hsl(${performance.now() / 50} 60% 60%)`;
  context.fillRect(0, 0, side, side);
  const t = performance.now() / 1000;
  dots.forEach(([x, y, speed, hue]) => {
    context.fillStyle = `hsl(${hue * 360} 80% 50%)`;
    context.beginPath();
    context.arc(((x + speed * t / 3) % 1) * side, ((y + Math.sin(t + hue * 6) / 9 + 1) % 1) * side,
                side / 16, 0, 7);
    context.fill();
  });
  const now = clock(), wide = side / BARS;
  for (let bit = 0; bit < BARS; ++bit) {
    context.fillStyle = now >> bit & 1 ? "#fff" : "#000";
    context.fillRect(bit * wide, 0, wide, side / 8);
  }
}

const ages = [], shown = [];
function take(image) {
  read.drawImage(image, 0, 0, side, side);
  const wide = side / BARS;
  let then = 0;
  for (let bit = 0; bit < BARS; ++bit) {
    const [value] = read.getImageData((bit + 0.5) * wide, side / 16, 1, 1).data;
    if (value > 127) then |= 1 << bit;
  }
  const age = (clock() - then) & 0xffff;
  if (age < 20000) ages.push(age);
  shown.push(performance.now());
}
