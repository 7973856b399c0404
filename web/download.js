// Files that the page makes, for the browser to save.

/** A name that says when it was made. */
export function fileName(extension) {
  const time = new Date().toISOString().slice(0, 19).replace(/[T:]/g, "-");
  return `streamdiffusion-${time}.${extension}`;
}

export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
