import { useEffect } from 'react'
import { toast } from '../state/toasts.ts'
import { showOverlay } from '../state/ui.ts'
import { useAddRepository } from './add-repository-state.ts'

/** A folder that is dropped on the window is looked at as a repository; anything else must never be navigated to. */
export function useFolderDrop(): void {
  useEffect(() => {
    const hold = (event: DragEvent) => {
      if (event.dataTransfer?.types.includes('Files')) event.preventDefault()
    }
    const drop = (event: DragEvent) => {
      const file = event.dataTransfer?.files[0]
      if (!file) return
      event.preventDefault()
      const path = window.quartet?.pathForFile?.(file)
      if (!path) {
        toast('info', 'A browser does not tell where a folder is. Type its path, or choose it in the list.')
        return showOverlay('add-repository')
      }
      useAddRepository.setState({ path })
      showOverlay('add-repository')
    }
    window.addEventListener('dragover', hold)
    window.addEventListener('drop', drop)
    return () => {
      window.removeEventListener('dragover', hold)
      window.removeEventListener('drop', drop)
    }
  }, [])
}
