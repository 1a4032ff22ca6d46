package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"myauth.internal/kit"
)

// workers are how many accounts are read at once, and stored where there are no transactions.
const workers = 16

// store imports a batch.
func (im *importer) store(ctx context.Context, batch []*job) error {
	if im.opts.Transaction == nil {
		return im.storeEach(ctx, batch, workers)
	}
	err := again(ctx, func() error { return im.storeAtOnce(ctx, batch) })
	if err == nil || ctx.Err() != nil || errors.Is(err, kit.ErrUnavailable) {
		return err
	}
	return im.storeEach(ctx, batch, 1) // one of them fails: which?
}

// storeAtOnce imports a batch in one transaction. A refused record leaves that as it was.
func (im *importer) storeAtOnce(ctx context.Context, batch []*job) error {
	release := func() {}
	err := im.opts.Transaction(ctx, func(stores kit.Stores) error {
		var within *kit.Service
		within, release = im.svc.Within(stores)
		for _, j := range batch {
			if err := j.store(ctx, within); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		release()
		return nil
	}
	for _, j := range batch {
		if j.state = waiting; !j.unfit {
			j.refused = nil
		}
	}
	return err
}

// storeEach imports the records of a batch one by one, those of one address by one worker in their order.
func (im *importer) storeEach(ctx context.Context, batch []*job, n int) error {
	parts := make([][]*job, n)
	for _, j := range batch {
		i := maphash.String(seed, kit.EmailKey(j.record.user.Email)) % uint64(n)
		parts[i] = append(parts[i], j)
	}
	errs := make([]error, n)
	var all sync.WaitGroup
	for i, part := range parts {
		all.Go(func() { errs[i] = im.storePart(ctx, part) })
	}
	all.Wait()
	return cmp.Or(errs...) // one is enough to say
}

var seed = maphash.MakeSeed()

func (im *importer) storePart(ctx context.Context, part []*job) error {
	for _, j := range part {
		err := again(ctx, func() error { return j.store(ctx, im.svc) })
		switch {
		case err == nil:
		case ctx.Err() != nil, errors.Is(err, kit.ErrUnavailable):
			return fmt.Errorf("transfer: line %d: %w", j.line, err)
		default:
			j.refused = fmt.Errorf("the store did not take the account: %w", err)
		}
	}
	return nil
}

// store imports one record. Its error is none of the record's.
func (j *job) store(ctx context.Context, svc *kit.Service) error {
	if j.refused != nil {
		return nil
	}
	u := j.record.user
	if there, err := j.isThere(ctx, svc); err != nil || there {
		return err
	}
	_, err := svc.Import(ctx, u, j.record.credentials...)
	if err == nil {
		j.state = created
		return nil
	}
	j.refused = reason(err)
	switch {
	case j.refused == nil:
		return err
	case !errors.Is(err, kit.ErrUserExists) && !errors.Is(err, kit.ErrConflict):
		return nil
	}
	why := j.refused // unless another import was faster
	j.refused = nil
	if there, err := j.isThere(ctx, svc); err != nil || there {
		return err
	}
	j.refused = why
	return nil
}

// isThere reports whether the account is there, and sets what becomes of the record then.
func (j *job) isThere(ctx context.Context, svc *kit.Service) (bool, error) {
	u := j.record.user
	if u.ID == "" {
		return false, nil
	}
	stored, err := svc.UserByID(ctx, u.ID)
	switch {
	case errors.Is(err, kit.ErrUserNotFound):
		return false, nil
	case err != nil:
		return false, err
	}
	same := stored.CreatedAt.Equal(u.CreatedAt.Truncate(time.Microsecond))
	if u.CreatedAt.IsZero() {
		same = kit.EmailKey(stored.Email) == kit.EmailKey(u.Email)
	}
	if j.state = existing; !same {
		j.refused = errOtherID
	}
	return true, nil
}

// again repeats what failed for a reason that may pass.
func again(ctx context.Context, do func() error) error {
	for pause := 50 * time.Millisecond; ; pause *= 3 {
		err := do()
		if err == nil || pause > 5*time.Second || !errors.Is(err, kit.ErrUnavailable) || errors.Is(err, kit.ErrNewerRecord) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}
