// Returns what is wrong with a page for people who do not see it as others do: one line a problem.
() => {
  const found = [];
  const seen = (one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !one.closest("[aria-hidden=true]");
  const about = (one) => `<${one.tagName.toLowerCase()}> "${(one.innerText || one.outerHTML).trim().slice(0, 60)}"`;
  if (!document.documentElement.lang) found.push("the page has no language");
  if (!document.title.trim()) found.push("the page has no title");
  // The cells of Streamlit's painted tables are numbered anew in each table.
  const ids = [...document.querySelectorAll("[id]")].filter((one) => !one.closest("[data-testid=stDataFrame]")).map((one) => one.id);
  ids.filter((id, at) => ids.indexOf(id) !== at).forEach((id) => found.push(`the id ${id} stands twice`));
  for (const one of document.querySelectorAll("img")) {
    if (seen(one) && !one.hasAttribute("alt")) found.push(`no alternative text: ${about(one)}`);
  }
  for (const one of document.querySelectorAll("svg[role=img], [role=img]")) {
    const named = one.getAttribute("aria-label") || one.getAttribute("aria-labelledby") || one.querySelector(":scope > title");
    if (seen(one) && !named) found.push(`a picture without a name: ${about(one)}`);
  }
  const labelled = (one) =>
    one.getAttribute("aria-label") || one.getAttribute("aria-labelledby") || one.title || one.labels?.length || one.innerText?.trim()
    || one.querySelector("img[alt], svg > title");
  for (const one of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")) {
    if (seen(one) && !labelled(one)) found.push(`a control without a name: ${about(one)}`);
  }
  let before = 0;
  for (const one of document.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    if (!seen(one)) continue;
    const level = Number(one.tagName[1]);
    if (before === 0 && level > 2) found.push(`the first heading is of level ${level}: ${about(one)}`);
    if (before && level > before + 1) found.push(`a heading of level ${level} after one of ${before}: ${about(one)}`);
    before = level;
  }
  if (!before) found.push("the page has no heading");
  for (const one of document.querySelectorAll("table")) {
    if (seen(one) && one.getAttribute("role") !== "grid" && !one.querySelector("th")) found.push(`a table without heads: ${about(one)}`);
  }
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((at) => top[3] * top[at] + (1 - top[3]) * below[at]);
  const behind = (one) => {
    const layers = [];
    for (let at = one; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((part) => (part / 255 <= 0.03928 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  // The value of a slider stands above its thumb, beside what it is in.
  const apart = "[disabled], [aria-disabled=true], svg, script, style, .skip, [data-testid=stSliderThumbValue]";
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const judged = new Set();
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || judged.has(one) || !seen(one) || one.closest(apart)) continue;
    judged.add(one);
    const style = getComputedStyle(one);
    let opacity = 1;
    for (let at = one; at; at = at.parentElement) opacity *= Number(getComputedStyle(at).opacity);
    const ground = behind(one), ink = rgba(style.color);
    if (ink[3] * opacity === 0) continue;
    const written = over([...ink.slice(0, 3), ink[3] * opacity], ground);
    const [low, high] = [light(written), light(ground)].sort((a, b) => a - b);
    const contrast = (high + 0.05) / (low + 0.05);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (contrast < (large ? 3 : 4.5)) found.push(`a contrast of ${contrast.toFixed(2)}: ${about(one)}`);
  }
  return [...new Set(found)];
}
