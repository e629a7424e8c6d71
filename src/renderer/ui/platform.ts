import { isMac } from './keymap.ts'

/** Which modifier this machine's people use. */
export const onMac: boolean = isMac(navigator.platform)
