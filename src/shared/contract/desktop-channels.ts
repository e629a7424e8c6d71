/**
 * The few messages between the desktop window, its preload and the main process. Everything of the product goes over the
 * two ports; these only hand the ports over and reach what the operating system offers to a window.
 */
export const DESKTOP_CHANNELS = {
  /** Window → main: I have no ports (any more). */
  requestPorts: 'quartet:request-ports',
  /** Main → window: here are two, for the contract and for terminals, in this order. */
  ports: 'quartet:ports',
  /** The native folder dialog: gives a path, or null when it was cancelled. */
  chooseFolder: 'quartet:choose-folder',
  /** Shows a path in the system's file manager. */
  reveal: 'quartet:reveal',
  /** The number on the app's icon; 0 removes it. */
  badge: 'quartet:badge',
} as const
