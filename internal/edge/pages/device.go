package pages

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/assent-id/assent/internal/service/oauth"
)

// A deviceView is what the pages for devices show beyond what all show.
type deviceView struct {
	Typed   string // the code that was wrong
	Fault   string // what was wrong with it; may be empty
	Locked  bool   // no code is taken now
	Asked   string // how long ago the device asked
	Agent   string // shortened
	Allowed bool
	oauth.Waiting
	Items []item
}

// DeviceEntry asks for the code that a device shows.
func (p *Pages) DeviceEntry(w http.ResponseWriter, r *http.Request, typed string, fault error) error {
	v := p.view(r, "device.title")
	d := &deviceView{Typed: cut(typed, maxTyped)}
	status := http.StatusOK
	tries, locked := errors.AsType[*oauth.TriesError](fault)
	switch {
	case fault == nil:
	case locked:
		w.Header().Set("Retry-After", strconv.Itoa(int(tries.Wait.Seconds())+1))
		status, d.Locked = http.StatusTooManyRequests, true
		d.Fault = v.T("device.fault_locked", "count", minutes(tries.Wait))
	case errors.Is(fault, oauth.ErrDeviceStopped):
		status = http.StatusForbidden
		d.Fault, d.Typed = v.T("device.fault_stopped"), ""
	case errors.Is(fault, oauth.ErrDeviceOver):
		status = http.StatusGone
		d.Fault, d.Typed = v.T("device.fault_over"), ""
	default:
		status = http.StatusNotFound
		d.Fault = v.T("device.fault_unknown")
	}
	v.Device = d
	return p.render(w, status, "device.html", v)
}

// maxTyped is how much of a wrong code is shown again, in bytes.
const maxTyped = 24

// minutes is a time as people say it, rounded up.
func minutes(d time.Duration) int { return max(int((d+time.Minute-1)/time.Minute), 1) }

// DeviceQuestion shows who asks, from where and for what, before the person
// answers (RFC 8628, Section 5.4).
func (p *Pages) DeviceQuestion(w http.ResponseWriter, r *http.Request, d oauth.Waiting, person string) error {
	v := p.view(r, "device.title")
	v.Person, v.Party = person, d.Party
	v.Device = &deviceView{Waiting: d, Items: v.items(d.Items), Asked: v.ago(time.Since(d.AskedAt)), Agent: cut(d.UserAgent, maxAgent)}
	return p.render(w, http.StatusOK, "device_question.html", v)
}

// maxAgent is how much of a device's User-Agent people are shown, in bytes.
const maxAgent = 48

func (v view) ago(d time.Duration) string {
	if d < time.Minute {
		return v.T("device.asked_now")
	}
	return v.T("device.asked_ago", "count", int(d/time.Minute))
}

// cut shortens a text, between two characters.
func cut(text string, limit int) string {
	for i := range text {
		if i >= limit {
			return text[:i] + "…"
		}
	}
	return text
}

// DeviceAnswered says what happens next.
func (p *Pages) DeviceAnswered(w http.ResponseWriter, r *http.Request, application string, allowed bool) error {
	title := "device.done_title"
	if !allowed {
		title = "device.denied_title"
	}
	v := p.view(r, title)
	v.Party.Name = application
	v.Device = &deviceView{Allowed: allowed}
	return p.render(w, http.StatusOK, "device_done.html", v)
}
