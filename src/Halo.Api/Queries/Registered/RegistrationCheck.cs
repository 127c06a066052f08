using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Links.Sessions;
using Halo.Api.Queries.Admission;
using Halo.Api.Queries.Immediate;
using Halo.Api.Queries.Requests;
using Halo.Api.Sites;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Api.Queries.Registered;

/// <summary>Has the site's database describe a command before it is registered, so that a mistake is told at once and not by the first run.</summary>
/// <remarks>
/// It goes the way of a description that an integrator asks for: an immediate query, recorded and counted as one. Only what the first run would meet too refuses a
/// registration. A site that is away, slow, too old or full, and a command that its database cannot analyse, are registered unchecked.
/// </remarks>
sealed class RegistrationCheck(ImmediateQueries immediate, QueryAdmission admission, ILinkGateway gateway, TimeProvider time)
{
    static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);

    /// <returns>Why it would fail; null: nothing is known against it.</returns>
    public async Task<Refusal?> FindFaultAsync(IntegratorCaller caller, SiteRecord site, Registration asked, CancellationToken callerGone)
    {
        if (gateway.Find(site.LinkId) is not { DescribesCommands: true } || await admission.TakeAsync(caller, site.Id, admission.Backlog) is not null)
            return null;
        var limit = (int)Longest.TotalMilliseconds;
        var description = new QuerySubmission(asked.Command with { Timeout = limit }, QueryMode.Immediate, asked.Catalogue, limit)
        {
            Kind = SubmissionKind.Description,
            CommandSize = asked.CommandSize,
            RequestSize = asked.RequestSize,
            SqlSize = asked.SqlSize,
        };
        using var patience = new CancellationTokenSource(Longest, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, callerGone);
        try
        {
            using var answer = (await immediate.RunAsync(caller, site, description, null, stop.Token, default))!;
            return answer.Query.ErrorDetails is { } error ? FaultOf(error, asked.Command.Text) : FaultOf(asked.Key, answer.Query.Result?.Columns);
        }
        catch (RefusedException)
        {
            // As many queries are under way as may be: it is no fault of this one.
            return null;
        }
    }

    static Refusal? FaultOf(ErrorDetails error, string text) => error.Code == FailureCodes.PolicyRefused
        ? Refusal.Invalid("registerCommand.command", $"is refused by the practice: {error.ErrorMessage}")
        : IsOfTheCommand(error, text) ? Refusal.Invalid("registerCommand.command.text", $"is refused by the site's database: {error.ErrorMessage}") : null;

    /// <summary>Whether a run would fail so too: a fault of grammar or names. Others may be over by then, or are of the analysis alone.</summary>
    static bool IsOfTheCommand(ErrorDetails error, string text) => error.ErrorType switch
    {
        // Syntax error or access rule violation.
        ErrorTypes.Postgres => error.SqlState?.StartsWith("42", StringComparison.Ordinal) == true,
        // A statement may need what one before it makes, which was not made.
        ErrorTypes.Sqlite => (error.ErrorCode & 0xFF) == 1 && !text.AsSpan().TrimEnd("; \t\r\n").Contains(';'),
        // From 11501 to 11599 the server says that it could not analyse the command.
        ErrorTypes.SqlServer => error.Severity is "15" or "16" && error.ErrorCode is < 11500 or > 11599,
        _ => false,
    };

    static Refusal? FaultOf(IReadOnlyList<string>? key, IReadOnlyList<ResultColumn>? columns) =>
        key is not null && columns is { Count: > 0 } && key.Except(columns.Select(c => c.Name), StringComparer.Ordinal).ToList() is { Count: > 0 } missing
            ? Refusal.Invalid("changes.key", $"names what is no column of the result: {string.Join(", ", missing)}. It has {string.Join(", ", columns.Select(c => c.Name))}.")
            : null;
}
