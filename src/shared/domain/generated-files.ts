const GENERATED =
  /(^|\/)(dist|build|out|vendor|third_party|node_modules|__snapshots__|\.next|coverage)\/|\.(min\.(js|css)|map|snap|lock|pb\.go|g\.dart|designer\.cs)$|_pb2(_grpc)?\.pyi?$|(^|\/)(package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|bun\.lockb|go\.sum|[^/]*\.generated\.[^/]+)$/i

/** Whether a path says by itself that a program made the file; a repository's own `.gitattributes` knows better. */
export const isGeneratedPath = (path: string): boolean => GENERATED.test(path)
