// Inside or outside of a place of work, reckoned on the phone: where it is never leaves it.
const EARTH_M = 6371000;
const WAIT_MS = 6000;
const radians = (degrees) => degrees * Math.PI / 180;

export function metres(a, b) {
  const up = Math.sin(radians(b.latitude - a.latitude) / 2) ** 2;
  const along = Math.sin(radians(b.longitude - a.longitude) / 2) ** 2;
  const h = up + Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * along;
  return 2 * EARTH_M * Math.asin(Math.min(1, Math.sqrt(h)));
}

function whereabouts(here, places) {
  const near = places.some((place) => metres(here, {
    latitude: Number(place.latitude), longitude: Number(place.longitude),
  }) <= place.radius_m);
  return near ? "inside" : "outside";
}

export function fences() {
  const told = document.getElementById("fence");
  if (!told || !navigator.geolocation) return;
  const places = JSON.parse(told.textContent);
  document.querySelectorAll("form.fenced").forEach((form) => {
    let asked = false;
    form.addEventListener("submit", (event) => {
      if (asked) return;
      event.preventDefault();
      asked = true;
      // Whoever cannot be found, or does not want to be, clocks in without.
      const go = () => form.requestSubmit();
      navigator.geolocation.getCurrentPosition((found) => {
        form.elements.place.value = whereabouts(found.coords, places);
        go();
      }, go, { enableHighAccuracy: true, timeout: WAIT_MS, maximumAge: 0 });
    });
  });
}
