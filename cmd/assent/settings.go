package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// environment is a copy of the process environment.
type environment map[string]string

func parseEnvironment(list []string) environment {
	env := make(environment, len(list))
	for _, entry := range list {
		if name, value, ok := strings.Cut(entry, "="); ok {
			env[name] = value
		}
	}
	return env
}

func (e environment) list() []string {
	list := make([]string, 0, len(e))
	for name, value := range e {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return list
}

// settings gives flags that are not on the command line their values: from the
// environment (--key-file is ASSENT_KEY_FILE), else from the configuration file
// (key_file), else the default.
type settings struct {
	env  environment
	file map[string]any
}

// Validate is part of [kong.Resolver].
func (*settings) Validate(*kong.Application) error { return nil }

// Resolve is part of [kong.Resolver].
func (s *settings) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if flag.Name == "help" {
		return nil, nil
	}
	name := strings.ReplaceAll(flag.Name, "-", "_")
	if value := s.env["ASSENT_"+strings.ToUpper(name)]; value != "" {
		return value, nil
	}
	if value, ok := s.file[name]; ok {
		return fmt.Sprint(value), nil
	}
	return nil, nil
}

// load reads the configuration file of the command that is being parsed. A
// setting that the command does not have is an error: a misspelt one must not
// be left out in silence.
func (s *settings) load(ctx *kong.Context) error {
	name := s.env["ASSENT_CONFIG"]
	known := map[string]bool{}
	for _, flag := range ctx.Flags() {
		known[strings.ReplaceAll(flag.Name, "-", "_")] = true
		if given, ok := ctx.FlagValue(flag).(string); ok && flag.Name == "config" && given != "" {
			name = given
		}
	}
	if name == "" {
		return nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	if err := yaml.Unmarshal(text, &s.file); err != nil {
		return fmt.Errorf("read the configuration %s: %w", name, err)
	}
	for key, value := range s.file {
		if !known[key] || key == "config" || key == "help" {
			return fmt.Errorf("configuration %s: unknown setting %q", name, key)
		}
		switch value.(type) {
		case string, bool, int:
		default:
			return fmt.Errorf("configuration %s: %s must be one plain value", name, key)
		}
	}
	return nil
}
