/** Keeps the place of what is being fetched, so that nothing jumps when it comes. */
export function Skeleton({ width = '100%', height = 14 }: { width?: number | string; height?: number }) {
  return <div className="skeleton" style={{ width, height }} aria-hidden="true" />
}
