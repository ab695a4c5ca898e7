package obs

import (
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const namespace = "assent"

// durations are the upper bounds, in seconds, of the request histogram: fine
// around a token request, coarse up to a long poll of 30 s.
var durations = []float64{
	.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 31,
}

// Metrics is the registry of one server. There is no global one, so that
// several servers can live in one process.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec

	binding sync.Mutex // taken to grow routes
	routes  atomic.Pointer[map[routeKey]*route]
}

// NewMetrics makes a registry that already has the figures of the Go
// runtime, the process and HTTP. Version is a label of assent_build_info.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "http_requests_total",
			Help: "Requests answered, by method, route and status.",
		}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "http_request_seconds", Buckets: durations,
			Help: "Time from the request's arrival to the end of its answer, in seconds.",
		}, []string{"method", "route"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info",
		Help:        "Always 1; the version is in the label.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.routes.Store(&map[routeKey]*route{})
	m.registry.MustRegister(m.requests, m.seconds, build,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves the registry. It asks for no credentials: mount it where
// only operators reach it.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: 2,
		EnableOpenMetrics:   true,
	})
}
