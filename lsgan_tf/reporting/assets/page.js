"use strict";
// Sliders through the sample grids. All images are in the page itself.
(() => {
  const images = JSON.parse(document.getElementById("images").textContent);
  const together = document.getElementById("together");
  const figures = [...document.querySelectorAll("figure.grids")];

  const show = (figure, place) => {
    const [step, uri] = images[figure.dataset.key][place];
    const slider = figure.querySelector("input");
    figure.querySelector("img").src = uri;
    figure.querySelector("output").textContent = "step " + step.toLocaleString("en");
    slider.value = place;
    slider.setAttribute("aria-valuetext", "step " + step);
  };

  // The other runs' grids nearest to a step; runs need not have been drawn at the same steps.
  const follow = (moved, step) => {
    for (const figure of figures) {
      if (figure === moved) continue;
      const grids = images[figure.dataset.key];
      let nearest = 0;
      grids.forEach(([other], place) => {
        if (Math.abs(other - step) < Math.abs(grids[nearest][0] - step)) nearest = place;
      });
      show(figure, nearest);
    }
  };

  for (const figure of figures) {
    figure.querySelector("input").addEventListener("input", (event) => {
      const place = Number(event.target.value);
      show(figure, place);
      if (together && together.checked) follow(figure, images[figure.dataset.key][place][0]);
    });
  }
})();
