package message_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/format/message"
)

func load(t *testing.T, files map[string]string) (*message.Catalogue, error) {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys["texts/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return message.Load(fsys, "texts")
}

func mustLoad(t *testing.T, files map[string]string) *message.Catalogue {
	t.Helper()
	c, err := load(t, files)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// texts are three languages, of which only English is complete.
var texts = map[string]string{
	"en.json": `{"hello": "Hello *{name}*, you are at {place}.", "plain": "A sign: \\*, a brace: {not a name} *b* \\{name}.",
		"code": "Give ` + "`{code}`" + ` to *them, and ` + "`no`" + ` more*.", "days.one": "{count} day", "days.other": "{count} days", "lone": "<only> English & \"more\""}`,
	"fr.json":    `{"hello": "Bonjour {name}.", "days.one": "{count} jour", "days.other": "{count} jours"}`,
	"is.json":    `{"days.one": "{count} dagur", "days.other": "{count} dagar"}`,
	"ja.json":    `{"days.one": "no", "days.other": "{count}日"}`,
	"pt-BR.json": `{"hello": "Olá {name}."}`,
}

func TestATextTakesItsValuesAndLeavesItsMarksOut(t *testing.T) {
	p := mustLoad(t, texts).Pick("en")
	tests := []struct {
		name string
		key  string
		args []any
		want string
	}{
		{"values", "hello", []any{"name", "Ann", "place", 7}, "Hello Ann, you are at 7."},
		{"a value that looks like a name is not read again", "hello", []any{"name", "{place}", "place", "*x*"}, "Hello {place}, you are at *x*."},
		{"signs that mean nothing", "plain", nil, "A sign: *, a brace: {not a name} b {name}."},
		{"a value is missing", "hello", []any{"name", "Ann"}, "Hello Ann, you are at ⟦place⟧."},
		{"a name without a value", "hello", []any{"name", "Ann", "place"}, "Hello Ann, you are at ⟦place⟧."},
		{"a key is missing", "nothing", nil, "⟦nothing⟧"},
		{"one", "days", []any{"count", 1}, "1 day"},
		{"none", "days", []any{"count", 0}, "0 days"},
		{"many", "days", []any{"count", int64(40)}, "40 days"},
		{"a count that is no number", "days", []any{"count", "some"}, "some days"},
		{"no count", "days", nil, "⟦count⟧ days"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := p.Text(tt.key, tt.args...); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestHTMLEscapesTheTextAndEveryValue(t *testing.T) {
	p := mustLoad(t, texts).Pick("en")
	tests := []struct {
		name string
		key  string
		args []any
		want string
	}{
		{"marks", "code", []any{"code", "A-1"}, "Give <code><bdi>A-1</bdi></code> to <strong>them, and <code>no</code> more</strong>."},
		{"the text itself", "lone", nil, "&lt;only&gt; English &amp; &#34;more&#34;"},
		{"a script", "hello", []any{"name", `<script>alert('1')</script>`, "place", `" onload="x`},
			"Hello <strong><bdi>&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;</bdi></strong>, you are at <bdi>&#34; onload=&#34;x</bdi>."},
		{"an end of the isolation", "hello", []any{"name", "</bdi></strong><b>", "place", "\u202eevil"},
			"Hello <strong><bdi>&lt;/bdi&gt;&lt;/strong&gt;&lt;b&gt;</bdi></strong>, you are at <bdi>\u202eevil</bdi>."},
		{"marks in a value", "hello", []any{"name", "*x*", "place", "`y` {name}"},
			"Hello <strong><bdi>*x*</bdi></strong>, you are at <bdi>`y` {name}</bdi>."},
		{"a missing key is no markup", "<b>", nil, "⟦&lt;b&gt;⟧"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(p.HTML(tt.key, tt.args...)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestWhatALanguageLacksIsEnglish(t *testing.T) {
	p := mustLoad(t, texts).Pick("fr")
	if got, want := p.Text("hello", "name", "Ann", "place", "x"), "Bonjour Ann."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := p.Text("lone"), `<only> English & "more"`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPluralsFollowTheLanguage(t *testing.T) {
	c := mustLoad(t, texts)
	tests := []struct {
		lang  string
		count int
		want  string
	}{
		{"fr", 0, "0 jour"}, {"fr", 1, "1 jour"}, {"fr", 2, "2 jours"},
		{"is", 1, "1 dagur"}, {"is", 11, "11 dagar"}, {"is", 21, "21 dagur"}, {"is", 111, "111 dagar"},
		{"ja", 1, "1日"},
		{"pt-BR", 0, "0 days"}, // English text, English rule
	}
	for _, tt := range tests {
		if got := c.Pick(tt.lang).Text("days", "count", tt.count); got != tt.want {
			t.Errorf("%s, %d: got %q, want %q", tt.lang, tt.count, got, tt.want)
		}
	}
}

func TestPickMeetsTheDearestWishItCan(t *testing.T) {
	c := mustLoad(t, texts)
	tests := []struct {
		name   string
		wishes []string
		want   string
	}{
		{"nothing", nil, "en"},
		{"empty", []string{""}, "en"},
		{"a tag", []string{"fr"}, "fr"},
		{"another case", []string{"FR-ca"}, "fr"},
		{"several tags of ui_locales", []string{"de fr-CA en"}, "fr"},
		{"a header", []string{"de-DE,de;q=0.9,fr;q=0.8,en;q=0.7"}, "fr"},
		{"weights go before order", []string{"fr;q=0.2, is;q=0.7"}, "is"},
		{"no weight is the most", []string{"fr;q=0.9,is"}, "is"},
		{"a weight of nothing", []string{"fr;q=0, is;q=0.1"}, "is"},
		{"an earlier wish goes first", []string{"is", "fr;q=1"}, "is"},
		{"an earlier wish that cannot be met", []string{"de", "fr"}, "fr"},
		{"anything", []string{"de, *;q=0.5"}, "en"},
		{"only the particular one is there", []string{"pt"}, "pt-BR"},
		{"a longer range", []string{"pt-br-abl1943"}, "pt-BR"},
		{"weights that are none", []string{"fr;q=2, fr;q=-1, fr;q=NaN, fr;q=x, fr;level=1, is;q=0.001"}, "is"},
		{"junk", []string{",,;;q=,\x00\xff, -, --, fr-;q==,=;=*"}, "en"},
		{"more than anybody has", []string{strings.Repeat("xx,", 5000) + "fr"}, "en"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := c.Pick(tt.wishes...).Lang(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestCataloguesThatCannotBeMeantAreRefused(t *testing.T) {
	const english = `{"a": "{x}"}`
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"no English", map[string]string{"fr.json": english}, "there is no en.json"},
		{"no JSON", map[string]string{"en.json": "{"}, "unexpected end"},
		{"no flat JSON", map[string]string{"en.json": `{"a": {"b": "c"}}`}, "cannot unmarshal"},
		{"no key", map[string]string{"en.json": `{"a b": "c"}`}, "is no key"},
		{"a key that English lacks", map[string]string{"en.json": english, "fr.json": `{"b": ""}`}, "no text b in English"},
		{"a name that English lacks", map[string]string{"en.json": english, "fr.json": `{"a": "{y}"}`}, "{y} is not in the English text"},
		{"a mark that stays open", map[string]string{"en.json": `{"a": "*b"}`}, "not closed"},
		{"marks that cross", map[string]string{"en.json": "{\"a\": \"*b`c*d`\"}"}, "marks cross"},
		{"one without other", map[string]string{"en.json": `{"a.one": "b"}`}, "has no a.other"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, tt.files)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestKeysAndLanguagesAreListedInOrder(t *testing.T) {
	c := mustLoad(t, texts)
	want := []string{"code", "days.one", "days.other", "hello", "lone", "plain"}
	if diff := cmp.Diff(want, c.Keys()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"en", "fr", "is", "ja", "pt-BR"}, c.Languages()); diff != "" {
		t.Error(diff)
	}
}

// Whatever a stranger sends is read without a fault, and met or not.
func FuzzPick(f *testing.F) {
	f.Add("fr-CH, fr;q=0.9, en;q=0.8, *;q=0.5")
	f.Add("-;q=,*;")
	c, err := message.Load(fstest.MapFS{"en.json": {Data: []byte(`{}`)}, "fr.json": {Data: []byte(`{}`)}}, ".")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, wish string) {
		if lang := c.Pick(wish).Lang(); lang != "en" && lang != "fr" {
			t.Errorf("%q picked %s", wish, lang)
		}
	})
}
