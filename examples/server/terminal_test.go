package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"unsafe"
)

// onTerminal starts cmd on a terminal of its own, and returns the other end of it.
func onTerminal(t *testing.T, cmd *exec.Cmd) *os.File {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("terminals are made here as Linux makes them")
	}
	end, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end.Close() })
	var number, unlocked uint32
	for request, value := range map[uintptr]*uint32{0x80045430: &number, 0x40045431: &unlocked} { // TIOCGPTN, TIOCSPTLCK
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, end.Fd(), request, uintptr(unsafe.Pointer(value))); errno != 0 {
			t.Fatal(errno)
		}
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return end
}
