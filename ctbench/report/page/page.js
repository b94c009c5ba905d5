"use strict";
// A click on a head sorts its table by that column, a second click turns the order round; cells without a value stay last.
function compare(first, second, sign) {
  if (first === null || second === null) return (first === null) - (second === null);
  const numbers = [Number(first), Number(second)];
  return sign * (numbers.some(Number.isNaN) ? first.localeCompare(second) : numbers[0] - numbers[1]);
}
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  heads.forEach((head, index) => head.querySelector("button").addEventListener("click", () => {
    const ascending = head.getAttribute("aria-sort") !== "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const key = (row) => index ? row.cells[index].getAttribute("data-order") : row.cells[0].textContent;
    const rows = [...table.tBodies[0].rows].sort((a, b) => compare(key(a), key(b), ascending ? 1 : -1));
    table.tBodies[0].append(...rows);
  }));
}
// Paper shows what is open on the screen.
