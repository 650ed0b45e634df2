// Says where a slider stands while it is moved.
export function sliders() {
  document.querySelectorAll("output[for]").forEach((told) => {
    const slider = document.getElementById(told.htmlFor.value);
    const tell = () => { told.textContent = Number(slider.value).toLocaleString(document.documentElement.lang); };
    slider.addEventListener("input", tell);
    tell();
  });
}
