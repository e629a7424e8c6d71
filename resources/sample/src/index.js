export { formatDuration, parseDuration } from './duration.js'
export { averageLap, fastestLap } from './laps.js'
