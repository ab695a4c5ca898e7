package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// announce says that everything runs, and what to open next.
func (c *devCmd) announce(p *program, link string) {
	event := devEvent{Event: "ready", BaseURL: c.BaseURL, BindingLink: link, Approver: c.BaseURL + "/approver", Account: c.BaseURL + "/account"}
	if c.JSON {
		_ = p.printJSON(event) // nobody is left to tell
	} else {
		c.welcome(p, event)
	}
	if c.Open {
		openBrowser(p.ctx, firstOf(link, event.Approver))
	}
}

func (c *devCmd) welcome(p *program, e devEvent) {
	fmt.Fprintf(p.stdout, "\nAssent runs at %s\n\n", e.BaseURL)
	if e.BindingLink != "" {
		fmt.Fprintf(p.stdout, "  1  Open this link as %s and create a passkey (it works once):\n     %s\n", demoName, e.BindingLink)
	} else {
		fmt.Fprintf(p.stdout, "  1  Open the approver and sign in with the passkey of %s:\n     %s\n", demoName, e.Approver)
	}
	fmt.Fprintf(p.stdout, "  2  Press “Let the demo agent ask”.\n")
	fmt.Fprintf(p.stdout, "  3  Read what it wants, and answer with your passkey. This terminal shows what the agent gets.\n\n")
	var t table
	t.row("approver", e.Approver)
	t.row("account", e.Account)
	t.row("mailbox", e.BaseURL+"/dev/mailbox")
	t.row("agent", filepath.Join(c.Data, "agent.json")+"; from this folder you can ask with it yourself:")
	t.row(" ", shellWords([]string{p.called})+` approve "Deploy v2" --detail service=api -- echo deployed`)
	t.row("data", c.Data+"; delete it to start anew")
	t.print(p.stdout, "  ")
	fmt.Fprintf(p.stdout, "\nFor development only. Ctrl-C stops it.\n")
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// openBrowser tries to open a page. Where it cannot, the person has the link.
func openBrowser(ctx context.Context, url string) {
	name, args := "xdg-open", []string{url}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", url}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // one of three fixed programs, and our own URL
	go func() {
		defer cancel()
		_ = cmd.Run()
	}()
}
