//! The tables as both databases have them. `tests/it/schema.rs` holds this against the migrated databases.

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    policy_versions (id) {
        id -> Uid,
        document -> Text,
        version -> Integer,
        title -> Text,
        body -> Text,
        changes -> Document,
        sha256 -> Binary,
        posted_at -> Moment,
        key -> Nullable<Binary>,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    members (id) {
        id -> Uid,
        name -> Text,
        kind -> Text,
        state -> Text,
        plan -> Text,
        region -> Text,
        language -> Text,
        time_zone -> Text,
        created_at -> Moment,
        ends_at -> Nullable<Moment>,
        own_addresses -> Document,
        excludes_own_users -> Bool,
        event_retention_days -> Nullable<Integer>,
        events_purged_before -> Nullable<Moment>,
        policy_version_id -> Nullable<Uid>,
        collected_at -> Nullable<Moment>,
        plan_since -> Nullable<Moment>,
        former_plan -> Nullable<Text>,
        resting_until -> Nullable<Moment>,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    profile_fields (id) {
        id -> Uid,
        member_id -> Uid,
        field -> Text,
        value -> Text,
        source -> Text,
        policy_version_id -> Uid,
        collected_at -> Moment,
        replaced_at -> Nullable<Moment>,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    users (id) {
        id -> Uid,
        email -> Text,
        email_folded -> Text,
        email_verified_at -> Nullable<Moment>,
        name -> Nullable<Text>,
        language -> Text,
        password_hash -> Text,
        password_changed_at -> Moment,
        totp_secret -> Nullable<Binary>,
        totp_confirmed_at -> Nullable<Moment>,
        totp_last_step -> Nullable<BigInt>,
        policy_version_id -> Uid,
        collected_at -> Moment,
        created_at -> Moment,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    recovery_codes (id) {
        id -> Uid,
        user_id -> Uid,
        code_sha256 -> Binary,
        used_at -> Nullable<Moment>,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    memberships (member_id, user_id) {
        member_id -> Uid,
        user_id -> Uid,
        role -> Text,
        created_at -> Moment,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    invitations (id) {
        id -> Uid,
        member_id -> Uid,
        email -> Text,
        role -> Text,
        token_sha256 -> Binary,
        invited_by -> Nullable<Uid>,
        policy_version_id -> Uid,
        created_at -> Moment,
        expires_at -> Moment,
        accepted_at -> Nullable<Moment>,
        revoked_at -> Nullable<Moment>,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    sessions (id) {
        id -> Uid,
        user_id -> Uid,
        member_id -> Nullable<Uid>,
        token_sha256 -> Binary,
        address -> Nullable<Text>,
        browser -> Nullable<Text>,
        system -> Nullable<Text>,
        created_at -> Moment,
        last_seen_at -> Moment,
        expires_at -> Moment,
        policy_version_id -> Nullable<Uid>,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    login_records (id) {
        id -> Uid,
        user_id -> Uid,
        outcome -> Text,
        address -> Nullable<Text>,
        browser -> Nullable<Text>,
        browser_version -> Nullable<Text>,
        system -> Nullable<Text>,
        language -> Nullable<Text>,
        referrer -> Nullable<Text>,
        policy_version_id -> Uid,
        collected_at -> Moment,
        purge_at -> Moment,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    login_throttles (key_sha256) {
        key_sha256 -> Binary,
        failures -> Integer,
        first_failure_at -> Moment,
        blocked_until -> Nullable<Moment>,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    account_tokens (id) {
        id -> Uid,
        user_id -> Uid,
        purpose -> Text,
        token_sha256 -> Binary,
        new_email -> Nullable<Text>,
        created_at -> Moment,
        expires_at -> Moment,
        used_at -> Nullable<Moment>,
        policy_version_id -> Nullable<Uid>,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    api_tokens (id) {
        id -> Uid,
        member_id -> Uid,
        created_by -> Nullable<Uid>,
        name -> Text,
        hint -> Text,
        token_sha256 -> Binary,
        scopes -> Document,
        created_at -> Moment,
        expires_at -> Nullable<Moment>,
        last_used_at -> Nullable<Moment>,
        revoked_at -> Nullable<Moment>,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    policy_decisions (id) {
        id -> Uid,
        member_id -> Uid,
        user_id -> Nullable<Uid>,
        policy_version_id -> Uid,
        decision -> Text,
        way -> Text,
        language -> Text,
        decided_at -> Moment,
        change_key -> Nullable<Text>,
        version_sha256 -> Binary,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    audit_log (id) {
        id -> Uid,
        member_id -> Nullable<Uid>,
        actor_kind -> Text,
        actor_id -> Nullable<Uid>,
        action -> Text,
        target -> Text,
        detail -> Document,
        at -> Moment,
        area -> Text,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    idempotency_keys (principal, key) {
        principal -> Text,
        key -> Text,
        request_sha256 -> Binary,
        status -> Nullable<Integer>,
        content_type -> Nullable<Text>,
        body -> Nullable<Binary>,
        created_at -> Moment,
        expires_at -> Moment,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    bars (id) {
        id -> Uid,
        member_id -> Uid,
        key -> Text,
        legacy_id -> Nullable<Text>,
        name -> Text,
        state -> Text,
        draft -> Document,
        draft_revision -> BigInt,
        published_version -> Nullable<Integer>,
        published_revision -> Nullable<BigInt>,
        allowed_hosts -> Document,
        settings -> Document,
        created_at -> Moment,
        updated_at -> Moment,
        deleted_at -> Nullable<Moment>,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    bar_versions (bar_id, version) {
        bar_id -> Uid,
        version -> Integer,
        member_id -> Uid,
        configuration -> Document,
        note -> Text,
        published_by -> Nullable<Uid>,
        published_at -> Moment,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    bar_scripts (bar_id, hash) {
        bar_id -> Uid,
        hash -> Text,
        member_id -> Uid,
        version -> Integer,
        gzip -> Binary,
        brotli -> Binary,
        created_at -> Moment,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    sites (member_id, bar_id, host) {
        member_id -> Uid,
        bar_id -> Uid,
        host -> Text,
        first_seen_at -> Moment,
        last_seen_at -> Moment,
        views -> BigInt,
        clicks -> BigInt,
        closes -> BigInt,
        submissions -> BigInt,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    visitor_salts (day) {
        day -> Integer,
        salt -> Binary,
        created_at -> Moment,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    events (member_id, bar_id, event_id) {
        member_id -> Uid,
        bar_id -> Uid,
        event_id -> Uid,
        kind -> SmallInt,
        received_at -> Moment,
        visitor -> Uid,
        variant -> Text,
        host -> Text,
        path -> Text,
        referrer_host -> Text,
        browser -> Text,
        browser_version -> Text,
        system -> Text,
        device -> Text,
        language -> Text,
        utm -> Nullable<Document>,
        shown_ms -> Nullable<Integer>,
        first_of_day -> Bool,
        country -> Nullable<Text>,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    hourly_counts (member_id, bar_id, dimension, hour, value) {
        member_id -> Uid,
        bar_id -> Uid,
        dimension -> Text,
        hour -> Integer,
        value -> Text,
        views -> BigInt,
        visitors -> BigInt,
        clicks -> BigInt,
        closes -> BigInt,
        submissions -> BigInt,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    daily_counts (member_id, bar_id, dimension, day, value) {
        member_id -> Uid,
        bar_id -> Uid,
        dimension -> Text,
        day -> Integer,
        value -> Text,
        views -> BigInt,
        visitors -> BigInt,
        clicks -> BigInt,
        closes -> BigInt,
        submissions -> BigInt,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    hourly_drops (member_id, bar_id, hour, reason) {
        member_id -> Uid,
        bar_id -> Uid,
        hour -> Integer,
        reason -> Text,
        dropped -> BigInt,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    daily_visitors (member_id, bar_id, day, visitor) {
        member_id -> Uid,
        bar_id -> Uid,
        day -> Integer,
        visitor -> Uid,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    own_browsers (member_id, day, browser) {
        member_id -> Uid,
        day -> Integer,
        browser -> Uid,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    contacts (id) {
        id -> Uid,
        member_id -> Uid,
        email -> Nullable<Text>,
        name -> Nullable<Text>,
        phone -> Nullable<Text>,
        status -> Text,
        search -> Text,
        submissions -> Integer,
        first_submitted_at -> Moment,
        last_submitted_at -> Moment,
        last_submission_id -> Uid,
        policy_version_id -> Uid,
        collected_at -> Moment,
        updated_at -> Moment,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    submissions (id) {
        id -> Uid,
        member_id -> Uid,
        contact_id -> Uid,
        bar_id -> Uid,
        bar_version -> Integer,
        event_id -> Uid,
        variant -> Text,
        fields -> Document,
        host -> Text,
        path -> Text,
        referrer_host -> Text,
        language -> Text,
        consent_text -> Nullable<Text>,
        consented_at -> Nullable<Moment>,
        policy_version_id -> Uid,
        collected_at -> Moment,
        notified_at -> Nullable<Moment>,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    contact_tags (member_id, tag, contact_id) {
        member_id -> Uid,
        tag -> Text,
        contact_id -> Uid,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    contact_notes (id) {
        id -> Uid,
        member_id -> Uid,
        contact_id -> Uid,
        author_id -> Nullable<Uid>,
        body -> Text,
        policy_version_id -> Uid,
        created_at -> Moment,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    webhooks (id) {
        id -> Uid,
        member_id -> Uid,
        url -> Text,
        description -> Text,
        secret -> Binary,
        previous_secret -> Nullable<Binary>,
        previous_secret_until -> Nullable<Moment>,
        event_types -> Document,
        enabled -> Bool,
        created_at -> Moment,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    webhook_deliveries (id) {
        id -> Uid,
        member_id -> Uid,
        webhook_id -> Uid,
        contact_id -> Nullable<Uid>,
        event_type -> Text,
        payload -> Text,
        state -> Text,
        attempts -> Integer,
        response_status -> Nullable<Integer>,
        response_excerpt -> Nullable<Text>,
        error -> Nullable<Text>,
        created_at -> Moment,
        last_attempt_at -> Nullable<Moment>,
        delivered_at -> Nullable<Moment>,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    messages (id) {
        id -> Uid,
        member_id -> Nullable<Uid>,
        user_id -> Nullable<Uid>,
        message_id -> Text,
        sender -> Text,
        recipient -> Text,
        category -> Text,
        template -> Text,
        language -> Text,
        subject -> Text,
        html -> Text,
        body -> Text,
        headers -> Document,
        state -> Text,
        attempts -> Integer,
        error -> Nullable<Text>,
        queued_at -> Moment,
        sent_at -> Nullable<Moment>,
        body_id -> Nullable<Uid>,
        policy_version_id -> Nullable<Uid>,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    suppressions (address, purpose, scope) {
        address -> Text,
        purpose -> Text,
        scope -> Text,
        reason -> Text,
        created_at -> Moment,
        ends_at -> Nullable<Moment>,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    jobs (id) {
        id -> Uid,
        kind -> Text,
        payload -> Document,
        unique_key -> Nullable<Text>,
        state -> Text,
        run_at -> Moment,
        attempts -> Integer,
        lease -> Nullable<Uid>,
        leased_until -> Nullable<Moment>,
        error -> Nullable<Text>,
        created_at -> Moment,
        lane -> Nullable<Text>,
        priority -> Integer,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    job_lanes (kind, lane) {
        kind -> Text,
        lane -> Text,
        minute -> BigInt,
        taken -> Integer,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    mail_feedback (id) {
        id -> Uid,
        message_id -> Uid,
        source_sha256 -> Binary,
        kind -> Text,
        status -> Nullable<Text>,
        words -> Text,
        noted_at -> Moment,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    mail_tracks (token_sha256) {
        token_sha256 -> Binary,
        message_id -> Uid,
        target -> Nullable<Text>,
        first_at -> Nullable<Moment>,
        by_people -> Integer,
        by_machines -> Integer,
        last_at -> Nullable<Moment>,
        last_by_person -> Bool,
        policy_version_id -> Nullable<Uid>,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    mail_untracked (user_id) {
        user_id -> Uid,
        since -> Moment,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;
    contact_views (id) {
        id -> Uid,
        member_id -> Uid,
        name -> Text,
        query -> Document,
        created_at -> Moment,
        updated_at -> Moment,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    event_journal (id) {
        id -> BigInt,
        format -> SmallInt,
        events -> Integer,
        arrivals -> Binary,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    policy_drafts (document) {
        document -> Text,
        title -> Text,
        body -> Text,
        changes -> Document,
        drafted_at -> Moment,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    policy_windows (member_id, policy_version_id) {
        member_id -> Uid,
        policy_version_id -> Uid,
        posted_at -> Moment,
        message_id -> Nullable<Uid>,
        queued_at -> Nullable<Moment>,
        sent_at -> Nullable<Moment>,
        delivered_at -> Nullable<Moment>,
        bounced_at -> Nullable<Moment>,
        failed_at -> Nullable<Moment>,
        told_at -> Nullable<Moment>,
        ends_at -> Nullable<Moment>,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    message_bodies (id) {
        id -> Uid,
        topic -> Text,
        language -> Text,
        html -> Text,
        body -> Text,
        key -> Binary,
        created_at -> Moment,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    mail_consents (id) {
        id -> Uid,
        address -> Text,
        category -> Text,
        user_id -> Nullable<Uid>,
        language -> Text,
        policy_version_id -> Uid,
        token_sha256 -> Binary,
        asked_at -> Moment,
        expires_at -> Moment,
        confirmed_at -> Nullable<Moment>,
        ended_at -> Nullable<Moment>,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    leads (id) {
        id -> Uid,
        address -> Text,
        address_folded -> Text,
        language -> Text,
        policy_version_id -> Uid,
        collected_at -> Moment,
        nudges -> Integer,
        nudged_at -> Nullable<Moment>,
        user_id -> Nullable<Uid>,
        registered_at -> Nullable<Moment>,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    operators (id) {
        id -> Uid,
        name -> Text,
        token_sha256 -> Binary,
        hint -> Text,
        created_at -> Moment,
        expires_at -> Moment,
        last_used_at -> Nullable<Moment>,
        removed_at -> Nullable<Moment>,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    operator_record (id) {
        id -> Uid,
        operator_id -> Nullable<Uid>,
        action -> Text,
        target -> Text,
        reason -> Nullable<Text>,
        detail -> Document,
        at -> Moment,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    breaches (id) {
        id -> Uid,
        what -> Text,
        noticed_at -> Moment,
        opened_at -> Moment,
        affected -> Nullable<Document>,
        notice_id -> Nullable<Uid>,
        authority_at -> Nullable<Moment>,
        authority_words -> Nullable<Text>,
        report -> Nullable<Text>,
        reported_at -> Nullable<Moment>,
        closed_at -> Nullable<Moment>,
        warned_at -> Nullable<Moment>,
        overdue_told_at -> Nullable<Moment>,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    notices (id) {
        id -> Uid,
        kind -> Text,
        stage -> Nullable<Text>,
        thread_id -> Nullable<Uid>,
        release -> Nullable<Text>,
        starts_at -> Nullable<Moment>,
        ends_at -> Nullable<Moment>,
        title -> Document,
        body -> Document,
        audience -> Document,
        state -> Text,
        breach_id -> Nullable<Uid>,
        written_at -> Moment,
        scheduled_for -> Nullable<Moment>,
        begun_at -> Nullable<Moment>,
        sent_at -> Nullable<Moment>,
        cancelled_at -> Nullable<Moment>,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    notice_members (notice_id, member_id) {
        notice_id -> Uid,
        member_id -> Uid,
        at -> Moment,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    notice_recipients (notice_id, user_id) {
        notice_id -> Uid,
        user_id -> Uid,
        member_id -> Uid,
        message_id -> Uid,
        at -> Moment,
    }
}

diesel::table! {
    use crate::db::types::*;
    use diesel::sql_types::*;

    notice_reads (notice_id, user_id) {
        notice_id -> Uid,
        user_id -> Uid,
        read_at -> Moment,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::{Document, Moment, Uid};

    billing_accounts (member_id) {
        member_id -> Uid,
        customer -> Nullable<Text>,
        at_limit -> Nullable<Text>,
        fetches -> BigInt,
        applied -> BigInt,
        synced_at -> Nullable<Moment>,
        delinquent_since -> Nullable<Moment>,
        trial_used -> Bool,
        cancelled_by_ending -> Bool,
        card -> Nullable<Document>,
        checkout -> Nullable<Document>,
        created_at -> Moment,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::{Document, Moment, Uid};

    billing_subscriptions (id) {
        id -> Text,
        member_id -> Uid,
        status -> Text,
        state -> Document,
        created_at -> Moment,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::{Document, Moment, Uid};

    billing_invoices (id) {
        id -> Text,
        member_id -> Uid,
        state -> Document,
        created_at -> Moment,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::{Document, Moment, Uid};

    billing_reversals (charge, kind) {
        charge -> Text,
        kind -> Text,
        member_id -> Uid,
        amount -> BigInt,
        currency -> Text,
        seen_at -> Moment,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::{Document, Moment, Uid};

    billing_events (id) {
        id -> Text,
        member_id -> Nullable<Uid>,
        kind -> Text,
        object -> Nullable<Text>,
        handled -> Bool,
        created_at -> Moment,
        received_at -> Moment,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::{Document, Moment, Uid};

    billing_requests (id) {
        id -> Uid,
        member_id -> Uid,
        kind -> Text,
        slot -> Nullable<Text>,
        method -> Text,
        path -> Text,
        form -> Document,
        state -> Text,
        answer -> Nullable<Document>,
        error -> Nullable<Text>,
        created_at -> Moment,
        ended_at -> Nullable<Moment>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::{Document, Moment, Uid};

    billing_notices (member_id, kind, subject) {
        member_id -> Uid,
        kind -> Text,
        subject -> Text,
        sent_at -> Moment,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::db::types::{Document, Moment, Uid};

    views_of_deleted_bars (member_id, bar_id, hour) {
        member_id -> Uid,
        bar_id -> Uid,
        hour -> Integer,
        views -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    mail_consents,
    leads,
    operators,
    operator_record,
    breaches,
    notices,
    notice_members,
    notice_recipients,
    notice_reads,
    billing_accounts,
    billing_subscriptions,
    billing_invoices,
    billing_reversals,
    billing_events,
    billing_requests,
    billing_notices,
    views_of_deleted_bars,
    policy_drafts,
    policy_windows,
    message_bodies,
    contact_views,
    event_journal,
    policy_versions,
    members,
    profile_fields,
    users,
    recovery_codes,
    memberships,
    invitations,
    sessions,
    login_records,
    login_throttles,
    account_tokens,
    api_tokens,
    policy_decisions,
    audit_log,
    idempotency_keys,
    bars,
    bar_versions,
    bar_scripts,
    sites,
    visitor_salts,
    events,
    hourly_counts,
    daily_counts,
    hourly_drops,
    daily_visitors,
    own_browsers,
    contacts,
    submissions,
    contact_tags,
    contact_notes,
    webhooks,
    webhook_deliveries,
    messages,
    suppressions,
    mail_feedback,
    mail_tracks,
    mail_untracked,
    jobs,
    job_lanes,
);
