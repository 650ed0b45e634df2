// Running clocks: how long until a promise is due, or how long it has been late.
const two = (number) => String(number).padStart(2, "0");

function told(seconds) {
  const whole = Math.floor(Math.abs(seconds));
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

export function countdowns() {
  const clocks = [...document.querySelectorAll("[data-countdown]")];
  const tick = () => clocks.forEach((clock) => {
    const left = (new Date(clock.dataset.countdown) - Date.now()) / 1000;
    clock.textContent = left < 0 ? `${clock.dataset.late} ${told(left)}` : told(left);
  });
  if (!clocks.length) return;
  tick();
  setInterval(tick, 1000);
}
