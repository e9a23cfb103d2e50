"use strict";

const PAGE_SIZE = 50;

// "data set" of a select box is data-data-set of what it filters, dataset.dataSet here.
const keyOf = (select) => select.dataset.filter.replace(" s", "S");
const chosen = (section) =>
  [...section.querySelectorAll("select")].map((select) => [keyOf(select), select.value]).filter(([, value]) => value);

// ---------------------------------------------------------------------------- sections whose parts stand in the page

for (const section of document.querySelectorAll("[data-filtered]")) {
  const items = [...section.querySelectorAll("tr[data-data-set], div[data-data-set], article[data-data-set]")];
  const nothing = section.querySelector(".nothing");
  const show = () => {
    const wanted = chosen(section);
    for (const item of items) item.hidden = wanted.some(([key, value]) => key in item.dataset && item.dataset[key] !== value);
    if (nothing) nothing.hidden = items.some((item) => !item.hidden);
    // A column that says the same in each row takes the room of a number.
    for (const key of ["protocol", "region"]) section.classList.toggle(`one-${key}`, wanted.some(([name]) => name === key));
  };
  for (const select of section.querySelectorAll("select")) select.addEventListener("change", show);
  section.querySelector(".filters").hidden = false;
  show();
}

// ------------------------------------------------------------------------------------------- the views of a picture

for (const image of document.querySelectorAll("[data-same]")) image.src = document.getElementById(image.dataset.same).src;

for (const picture of document.querySelectorAll(".picture")) {
  const slider = picture.querySelector("input");
  const views = picture.querySelectorAll(".view");
  const stops = picture.querySelectorAll(".stops button");
  const show = () => {
    views.forEach((view, number) => view.classList.toggle("shown", number === Number(slider.value)));
    stops.forEach((stop, number) => stop.setAttribute("aria-pressed", String(number === Number(slider.value))));
    slider.setAttribute("aria-valuetext", stops[slider.value].textContent);
  };
  slider.addEventListener("input", show);
  stops.forEach((stop, number) => stop.addEventListener("click", () => { slider.value = number; show(); }));
  picture.classList.add("one-view");
  picture.querySelector(".slider").hidden = false;
  show();
}

// -------------------------------------------------------------------------------------------- the table of all images

const imageTable = document.getElementById("image-table");
if (imageTable) {
  const section = document.getElementById("images");
  const source = JSON.parse(document.getElementById("image-rows").textContent);
  const body = imageTable.tBodies[0];
  const search = section.querySelector("input[type=search]");
  const formats = source.columns.map((digits) =>
    new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  const collator = new Intl.Collator("en", { numeric: true });
  const TEXT_COLUMNS = 3; // name, data set, method
  const headers = [...imageTable.tHead.rows[0].cells];
  const epe = headers.findIndex((header) => header.firstChild.textContent.trim() === "EPE");
  let sorted = { column: epe < 0 ? 0 : epe, descending: true };
  let page = 0;
  let rows = [];

  const select = () => {
    const wanted = chosen(section).map(([key, value]) => [key === "dataSet" ? "data" : key, value]);
    const text = search.value.trim().toLowerCase();
    rows = source.groups
      .filter((group) => wanted.every(([key, value]) => group[key] === value))
      .flatMap((group) => group.rows.map(([name, ...values]) => [source.names[name], source.labels[group.data], group.method, ...values]))
      .filter((row) => !text || row[0].toLowerCase().includes(text));
    const sign = sorted.descending ? -1 : 1;
    rows.sort((one, other) => {
      const [a, b] = [one[sorted.column], other[sorted.column]];
      if (a === null || b === null) return (a === null) - (b === null); // those without a number are always last
      return sign * (typeof a === "string" ? collator.compare(a, b) : a - b);
    });
    page = 0;
    draw();
  };

  const draw = () => {
    const first = page * PAGE_SIZE;
    body.replaceChildren(...rows.slice(first, first + PAGE_SIZE).map((row) => {
      const line = document.createElement("tr");
      row.forEach((value, column) => {
        const cell = document.createElement(column === 0 ? "th" : "td");
        if (column === 0) cell.scope = "row";
        if (column < TEXT_COLUMNS) cell.className = "text";
        cell.textContent = value === null ? "–" : column < TEXT_COLUMNS ? value : formats[column - TEXT_COLUMNS].format(value);
        line.append(cell);
      });
      return line;
    }));
    headers.forEach((header, column) => {
      if (column === sorted.column) header.setAttribute("aria-sort", sorted.descending ? "descending" : "ascending");
      else header.removeAttribute("aria-sort");
    });
    const last = Math.min(first + PAGE_SIZE, rows.length);
    section.querySelector("[role=status]").textContent = rows.length
      ? `${(first + 1).toLocaleString("en")} – ${last.toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows`
      : "no row matches";
    section.querySelector("[data-step='-1']").disabled = page === 0;
    section.querySelector("[data-step='1']").disabled = last >= rows.length;
  };

  headers.forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => {
      const again = column === sorted.column;
      sorted = { column, descending: again ? !sorted.descending : column >= TEXT_COLUMNS };
      select();
    });
  });
  for (const control of section.querySelectorAll("select")) control.addEventListener("change", select);
  search.addEventListener("input", select);
  for (const button of section.querySelectorAll("[data-step]")) {
    button.addEventListener("click", () => { page += Number(button.dataset.step); draw(); });
  }
  section.querySelector(".filters").hidden = false;
  section.querySelector(".pages").hidden = false;
  select();
}
