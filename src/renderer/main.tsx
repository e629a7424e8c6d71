import '@fontsource-variable/inter/wght.css'
import '@fontsource-variable/jetbrains-mono/wght.css'
import './ui/tokens.css'
import './ui/base.css'
import './ui/controls.css'
import './ui/layers.css'
import { connect } from './connection/connect.ts'
import { start } from './start.tsx'

const root = document.getElementById('root')
if (root) start(root, connect(window))
