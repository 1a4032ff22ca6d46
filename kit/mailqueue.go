package kit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// maxQueuedMails bounds the memory that requests for mail can take up. A full
	// queue drops the newest, which changes no answer and is an event.
	maxQueuedMails = 1024
	// mailWorkers is how many mails are under way at once, so that one relay
	// connection that hangs holds up one worker.
	mailWorkers = 4
	// mailAttemptTimeout ends an attempt whose mailer has no deadline of its own.
	mailAttemptTimeout = time.Minute
	firstMailPause     = time.Second
	longestMailPause   = 5 * time.Minute
)

type mailKind string

const (
	mailVerification    mailKind = "verification"
	mailPasswordReset   mailKind = "password reset"
	mailPasswordChanged mailKind = "password changed"
	mailAccountExists   mailKind = "account exists"
)

// mailJob is one mail, with what has to happen before it can be sent.
type mailJob struct {
	kind   mailKind
	userID string
	mail   Mail
	row    *Token // stored before the first attempt to send; nil: nothing to store
	pause  time.Duration
}

// mailQueue delivers mails outside of the requests that cause them. Workers are
// started when there is work and end when there is none, so an idle Service has no
// goroutine, and one that is never closed leaks none.
type mailQueue struct {
	svc    *Service
	ctx    context.Context // ends when close gives up
	cancel context.CancelFunc

	mu      sync.Mutex
	ready   []*mailJob
	waiting map[*mailJob]*time.Timer // for their next attempt
	workers int
	closed  bool
	drained chan struct{} // closed once closed is set and nothing is left
	dropped int           // since close began
}

func newMailQueue(svc *Service) *mailQueue {
	ctx, cancel := context.WithCancel(context.Background())
	return &mailQueue{svc: svc, ctx: ctx, cancel: cancel, waiting: map[*mailJob]*time.Timer{}, drained: make(chan struct{})}
}

// enqueue never waits.
func (q *mailQueue) enqueue(job mailJob) {
	q.mu.Lock()
	full := q.closed || len(q.ready)+len(q.waiting) >= maxQueuedMails
	if !full {
		q.ready = append(q.ready, &job)
		q.startWorker()
	}
	q.mu.Unlock()
	if full {
		q.drop(&job, errors.New("the mail queue is full or closed"))
	}
}

// startWorker runs under the lock.
func (q *mailQueue) startWorker() {
	if q.workers < mailWorkers {
		q.workers++
		go q.work()
	}
}

func (q *mailQueue) work() {
	for {
		q.mu.Lock()
		if len(q.ready) == 0 {
			q.workers--
			if q.closed && q.workers == 0 {
				close(q.drained)
			}
			q.mu.Unlock()
			return
		}
		job := q.ready[0]
		q.ready[0] = nil
		q.ready = q.ready[1:]
		q.mu.Unlock()
		if err := q.attempt(job); err != nil {
			q.retry(job, err)
		}
	}
}

// attempt stores the job's row if that is still to be done, and sends its mail.
func (q *mailQueue) attempt(job *mailJob) (err error) {
	ctx, cancel := context.WithTimeout(q.ctx, mailAttemptTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			q.svc.opts.Logger.ErrorContext(ctx, "myauth: the mailer panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = Permanent(errors.New("the mailer panicked"))
		}
	}()
	if job.row != nil {
		if err := q.svc.createToken(ctx, *job.row); err != nil {
			return err
		}
		job.row = nil
	}
	m := q.svc.opts.Mailer
	switch job.kind {
	case mailVerification:
		return m.SendVerification(ctx, job.mail)
	case mailPasswordReset:
		return m.SendPasswordReset(ctx, job.mail)
	case mailPasswordChanged:
		return m.SendPasswordChanged(ctx, job.mail)
	default:
		return m.SendAccountExists(ctx, job.mail)
	}
}

// retry has job tried again after a pause that doubles each time, unless that is
// pointless or too late.
func (q *mailQueue) retry(job *mailJob, cause error) {
	job.pause = min(max(2*job.pause, firstMailPause), longestMailPause)
	// A quarter more or less, so that what failed together is not tried together.
	pause := job.pause*3/4 + rand.N(job.pause/2)
	var permanent *permanentError
	hopeless := errors.As(cause, &permanent) || !q.svc.now().Add(pause).Before(job.mail.ValidUntil)

	q.mu.Lock()
	if hopeless || q.closed {
		q.mu.Unlock()
		q.drop(job, cause)
		return
	}
	q.waiting[job] = time.AfterFunc(pause, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if _, ok := q.waiting[job]; ok {
			delete(q.waiting, job)
			q.ready = append(q.ready, job)
			q.startWorker()
		}
	})
	q.mu.Unlock()
	q.svc.emit(q.ctx, Event{Kind: EventMailFailed, UserID: job.userID, Err: fmt.Errorf("%s mail, retrying: %w", job.kind, cause)})
}

func (q *mailQueue) drop(job *mailJob, cause error) {
	q.mu.Lock()
	q.dropped++
	q.mu.Unlock()
	q.svc.emit(q.ctx, Event{Kind: EventMailDropped, UserID: job.userID, Err: fmt.Errorf("%s mail, given up: %w", job.kind, cause)})
}

// close tries once more what waits for its next attempt, and waits for the workers.
func (q *mailQueue) close(ctx context.Context) error {
	q.mu.Lock()
	q.closed = true
	q.dropped = 0
	for job, timer := range q.waiting {
		timer.Stop()
		q.ready = append(q.ready, job)
		q.startWorker()
	}
	clear(q.waiting)
	if q.workers == 0 {
		close(q.drained)
	}
	q.mu.Unlock()
	defer q.cancel()
	select {
	case <-q.drained:
	case <-ctx.Done():
	}
	q.mu.Lock()
	lost := q.dropped + len(q.ready)
	under := q.workers
	q.ready = nil
	q.mu.Unlock()
	if err := ctx.Err(); err != nil && lost+under > 0 {
		return fmt.Errorf("kit: closing: %d mails were given up: %w", lost+under, err)
	}
	if lost > 0 {
		return fmt.Errorf("kit: closing: %d mails were given up", lost)
	}
	return nil
}
