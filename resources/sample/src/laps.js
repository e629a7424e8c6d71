/** The mean of all laps in milliseconds, rounded; 0 when there is none. */
export function averageLap(laps) {
  if (laps.length === 0) return 0
  const sum = laps.reduce((total, lap) => total + lap, 0)
  return Math.round(sum / laps.length)
}

/** The shortest lap in milliseconds; null when there is none. */
export function fastestLap(laps) {
  return laps.length === 0 ? null : Math.min(...laps)
}
