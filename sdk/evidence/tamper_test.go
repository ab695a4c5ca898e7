package evidence_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// leafPaths returns the path to every string, number, boolean and empty
// container below value: names of members and indexes of arrays.
func leafPaths(value any, path []any) (paths [][]any) {
	switch v := value.(type) {
	case map[string]any:
		for name, item := range v {
			paths = append(paths, leafPaths(item, append(slices.Clone(path), name))...)
		}
	case []any:
		for i, item := range v {
			paths = append(paths, leafPaths(item, append(slices.Clone(path), i))...)
		}
	}
	if paths == nil {
		return [][]any{path}
	}
	return paths
}

// change returns value with what stands at path replaced by another value.
func change(value any, path []any) any {
	if len(path) == 0 {
		return other(value)
	}
	switch v := value.(type) {
	case map[string]any:
		name := path[0].(string)
		v = maps.Clone(v)
		v[name] = change(v[name], path[1:])
		return v
	case []any:
		i := path[0].(int)
		v = slices.Clone(v)
		v[i] = change(v[i], path[1:])
		return v
	}
	panic("no such path")
}

// remove returns value without what stands at path.
func remove(value any, path []any) any {
	switch v := value.(type) {
	case map[string]any:
		name := path[0].(string)
		if len(path) == 1 {
			return without(v, name)
		}
		v = maps.Clone(v)
		v[name] = remove(v[name], path[1:])
		return v
	case []any:
		i := path[0].(int)
		if len(path) == 1 {
			return slices.Delete(slices.Clone(v), i, i+1)
		}
		v = slices.Clone(v)
		v[i] = remove(v[i], path[1:])
		return v
	}
	panic("no such path")
}

// other returns a value of the same kind that is not v.
func other(v any) any {
	switch v := v.(type) {
	case string:
		if v == "" {
			return "x"
		}
		if strings.HasPrefix(v, "A") {
			return "B" + v[1:]
		}
		return "A" + v[1:]
	case float64:
		return -v - 1 // v+1 may be the same double
	case bool:
		return !v
	case nil:
		return "x"
	default:
		return "not a container"
	}
}

// partOf returns the parts that may be named for a fault at path. The three
// members that the passkey's signature ties together cannot always be told
// apart: then the whole part is named.
func partOf(path []any) []string {
	name := path[0].(string)
	if name != "passkey" || len(path) == 1 {
		return []string{name}
	}
	part := "passkey." + path[1].(string)
	switch path[1] {
	case "authenticator_data", "client_data_json", "signature":
		return []string{part, "passkey"}
	}
	return []string{part}
}

// tampered is the valid evidence of which every leaf is altered.
var tampered = []string{"approved", "approved-narrower", "denied", "denied-with-passkey", "expired", "withdrawn", "unicode", "numbers", "no-agent", "approved-passkey-software"}

func TestVerifyRefusesAndNamesEveryAlteredOrRemovedLeaf(t *testing.T) {
	count := 0
	for _, v := range loadVectors(t) {
		if !slices.Contains(tampered, v.Name) {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			var tree map[string]any
			if err := json.Unmarshal(v.Evidence, &tree); err != nil {
				t.Fatal(err)
			}
			for _, path := range leafPaths(tree, nil) {
				expectPart(t, v, change(tree, path), path)
				expectPart(t, v, remove(tree, path), path)
				count += 2
			}
		})
	}
	if count < 600 {
		t.Errorf("only %d alterations", count)
	}
}

func expectPart(t *testing.T, v vector, tree any, path []any) {
	t.Helper()
	v.Evidence = must[[]byte](t)(json.Marshal(tree))
	_, part, err := v.verify()
	if !slices.Contains(partOf(path), part) {
		t.Errorf("%s: failing part %q (%v), want one of %q", fmt.Sprint(path...), part, err, partOf(path))
	}
}

// byteMembers are the members of evidence that stand for bytes.
var byteMembers = [][]any{
	{"passkey", "credential_id"}, {"passkey", "public_key"}, {"passkey", "authenticator_data"},
	{"passkey", "client_data_json"}, {"passkey", "signature"},
}

func TestVerifyRefusesAndNamesEveryAlteredByteOfAPasskey(t *testing.T) {
	v := vectorNamed(t, "attested")
	var tree map[string]any
	if err := json.Unmarshal(v.Evidence, &tree); err != nil {
		t.Fatal(err)
	}
	p := at(tree, "passkey")
	for _, path := range byteMembers {
		name := path[1].(string)
		text := p[name]
		raw := must[[]byte](t)(evidenceBytes(text.(string)))
		for i := range raw {
			raw[i] ^= 1 << (i % 8)
			p[name] = b64(raw)
			expectPart(t, v, tree, path)
			raw[i] ^= 1 << (i % 8)
		}
		p[name] = text
	}
}

func TestVerifyRefusesAndNamesEveryAlteredCharacterOfTheSignatures(t *testing.T) {
	v := vectorNamed(t, "approved")
	var tree map[string]any
	if err := json.Unmarshal(v.Evidence, &tree); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"server", "binding"} {
		text := tree[name].(string)
		for i := range text {
			with := "A"
			if text[i] == 'A' {
				with = "B"
			}
			tree[name] = text[:i] + with + text[i+1:]
			expectPart(t, v, tree, []any{name})
		}
		tree[name] = text
	}
}

func vectorNamed(tb testing.TB, name string) vector {
	tb.Helper()
	for _, v := range loadVectors(tb) {
		if v.Name == name {
			return v
		}
	}
	tb.Fatalf("no vector is called %s", name)
	return vector{}
}
