// On a phone several panels side by side would be a strip: a picture keeps a height that one can read, and scrolls.
const READABLE = 260;

function show(picture) {
  const width = Math.min(picture.naturalWidth, READABLE * picture.naturalWidth / picture.naturalHeight);
  if (width <= picture.parentElement.clientWidth) return;
  picture.style.cssText += `; max-width: none; width: ${width}px`;
  picture.parentElement.style.overflowX = "auto";
}

addEventListener("load", () => document.querySelectorAll("article img").forEach(show));
