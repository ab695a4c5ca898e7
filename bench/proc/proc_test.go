package proc_test

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/assent-id/assent/bench/proc"
)

// burn asks the shell for a child of its own that keeps a processor busy.
const burn = `(i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done); read line`

func TestCPUCountsChildrenThatHaveEnded(t *testing.T) {
	command := exec.Command("sh", "-c", burn)
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	used := waitForCPU(t, command.Process.Pid)
	if err := input.Close(); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait() // read at end of input answers 1
	if total := command.ProcessState.UserTime() + command.ProcessState.SystemTime(); used > total+20*time.Millisecond {
		t.Errorf("CPU says %v, the kernel's account at the end says %v", used, total)
	}
}

func waitForCPU(t *testing.T, pid int) time.Duration {
	t.Helper()
	for range 1000 {
		used, err := proc.CPU(pid)
		if err != nil {
			t.Fatal(err)
		}
		if used >= 50*time.Millisecond {
			return used
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("no processor time seen in ten seconds")
	return 0
}

func TestMemoryGrowsWithWhatIsTouched(t *testing.T) {
	before, err := proc.Memory(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 32<<20)
	for i := 0; i < len(block); i += 4096 {
		block[i] = 1
	}
	after, err := proc.Memory(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if grown := after - before; grown < 16<<20 {
		t.Errorf("32 MiB touched, memory grew by %d bytes", grown)
	}
	if block[0] != 1 {
		t.Fatal("the block must stay alive")
	}
}

func TestAProcessThatDoesNotExistIsAnError(t *testing.T) {
	if _, err := proc.CPU(1 << 30); err == nil {
		t.Error("no error")
	}
}
