package server

import "runtime/debug"

// headroom is how much the heap may grow between two collections beyond what
// Go's default allows. An idle server's live heap is a few MiB, so under load
// it would be collected hundreds of times a second; with this it is collected
// a tenth as often. It is address space and not memory: nobody ever touches
// it. Measured in docs/performance.md.
const headroom = 8 << 20 // bytes

// newBallast reserves the headroom. It counts for the collector as long as it
// is reachable.
func newBallast() []byte { return make([]byte, headroom) }

// settle gives back what starting left behind. With the headroom the collector
// would not come by for a long time on an idle server.
func settle() { debug.FreeOSMemory() }
