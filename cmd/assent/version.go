package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the release build.
var version = ""

type versionCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Run prints version, commit and Go version.
func (c *versionCmd) Run(p *program) error {
	v := buildVersion()
	if c.JSON {
		return p.printJSON(v)
	}
	_, err := fmt.Fprintf(p.stdout, "assent %s (%s, %s)\n", v.Version, v.Commit, v.Go)
	return err
}

type versionInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
}

func buildVersion() versionInfo {
	v := versionInfo{Version: version, Commit: "unknown commit", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if v.Version == "" {
		v.Version = info.Main.Version
	}
	if v.Version == "" || v.Version == "(devel)" {
		v.Version = "development"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Commit = s.Value[:min(len(s.Value), 12)]
		}
	}
	return v
}
