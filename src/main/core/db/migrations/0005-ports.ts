/** The block of ports that an attempt's programs listen on. */
export const ports = `
ALTER TABLE attempts ADD COLUMN portBase INTEGER;
-- Two attempts that are not over never share a block.
CREATE UNIQUE INDEX attempts_live_ports ON attempts(portBase) WHERE portBase IS NOT NULL AND status NOT IN ('landed', 'trashed');
`
