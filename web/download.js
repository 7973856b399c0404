// Files that the page makes, for the browser to save.
let lastTime = "", count = 0;  // of the names given

/** A name that says when it was made; no other file of this page has it. */
export function fileName(extension) {
  const time = new Date().toISOString().slice(0, 19).replace(/[T:]/g, "-");
  count = time === lastTime ? count + 1 : 1;
  lastTime = time;
  return `streamdiffusion-${time}${count > 1 ? `-${count}` : ""}.${extension}`;
}

export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
