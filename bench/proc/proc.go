// Package proc reads what processes cost from /proc (proc(5)): processor time
// and resident memory of a process with all its descendants.
//
// If it is wrong, every figure of the benchmarks is. Linux only.
package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the times in /proc/<pid>/stat: USER_HZ, which is 100 on
// every Linux architecture that Go runs on.
const tick = 10 * time.Millisecond

// stat is what the benchmarks need of /proc/<pid>/stat.
type stat struct {
	pid, parent int
	own         time.Duration // utime + stime
	reaped      time.Duration // cutime + cstime: children that ended and were waited for
}

// CPU returns the processor time, user and system, that the processes with the
// given ids and all their descendants have used so far, those that have ended
// included. Its resolution is 10 ms per process.
func CPU(roots ...int) (time.Duration, error) {
	family, err := descendants(roots)
	if err != nil {
		return 0, err
	}
	var total time.Duration
	for _, member := range family {
		total += member.own + member.reaped
	}
	return total, nil
}

// Memory returns the resident memory in bytes of the given processes and all
// their descendants. Pages that several of them share (the shared buffers of
// PostgreSQL) are counted once: it is the sum of proportional set sizes where
// there is more than one process, the plain resident set where there is one.
func Memory(roots ...int) (int64, error) {
	family, err := descendants(roots)
	if err != nil {
		return 0, err
	}
	name, file := "VmRSS:", "status"
	if len(family) > 1 {
		name, file = "Pss:", "smaps_rollup"
	}
	var total int64
	for _, member := range family {
		size, err := kilobytes(member.pid, file, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // ended since it was listed
		}
		if err != nil {
			return 0, err
		}
		total += size << 10
	}
	return total, nil
}

// descendants lists the given processes and everything below them.
func descendants(roots []int) ([]stat, error) {
	all, err := processes()
	if err != nil {
		return nil, err
	}
	children := map[int][]stat{}
	byID := map[int]stat{}
	for _, p := range all {
		children[p.parent] = append(children[p.parent], p)
		byID[p.pid] = p
	}
	var family []stat
	for _, root := range roots {
		p, found := byID[root]
		if !found {
			return nil, fmt.Errorf("process %d has ended", root)
		}
		family = append(family, p)
	}
	for i := 0; i < len(family); i++ {
		family = append(family, children[family[i].pid]...)
	}
	return family, nil
}

func processes() ([]stat, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var all []stat
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // ended since it was listed
		}
		p, err := parseStat(text)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		all = append(all, p)
	}
	return all, nil
}

// parseStat reads one line of /proc/<pid>/stat. The command name stands in
// parentheses and may hold spaces and parentheses itself, so the fields are
// counted from the last closing one.
func parseStat(text []byte) (stat, error) {
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return stat{}, fmt.Errorf("no command name in %q", text)
	}
	fields := strings.Fields(string(text[end+1:]))
	if len(fields) < 15 {
		return stat{}, fmt.Errorf("%d fields in %q", len(fields), text)
	}
	number := func(s string) int64 {
		n, _ := strconv.ParseInt(s, 10, 64) // the kernel writes numbers
		return n
	}
	ticks := func(a, b string) time.Duration { return time.Duration(number(a)+number(b)) * tick }
	return stat{
		pid:    int(number(strings.TrimSpace(string(text[:open])))),
		parent: int(number(fields[1])),
		own:    ticks(fields[11], fields[12]),
		reaped: ticks(fields[13], fields[14]),
	}, nil
}

// kilobytes reads one "Name:   123 kB" line of a file of a process.
func kilobytes(pid int, file, name string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		rest, found := strings.CutPrefix(line, name)
		if !found {
			continue
		}
		number := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB"))
		return strconv.ParseInt(number, 10, 64)
	}
	return 0, fmt.Errorf("no %s in %s of process %d", name, file, pid)
}
