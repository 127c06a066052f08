using System.Globalization;

namespace Halo.Samples.Demo;

/// <summary>A question to the practice.</summary>
/// <param name="Sql">Its text, with <c>@name</c> parameters.</param>
/// <param name="Parameters">Name, type and value.</param>
sealed record Question(string Title, string Sql, params (string Name, string Type, string Value)[] Parameters)
{
    /// <summary>As the contract has it.</summary>
    public object Body => new
    {
        command = new
        {
            text = Sql,
            executionMode = "reader",
            parameters = Parameters.Select(p => new { name = p.Name, type = p.Type, value = p.Value }).ToArray(),
        },
    };
}

static class Questions
{
    /// <summary>Small, and a person waits: immediate.</summary>
    /// <param name="today">The first of the seven days.</param>
    public static Question ComingWeek(DateOnly today) => new(
        "Who is booked in the coming week",
        """
        SELECT pr.first_name || ' ' || pr.last_name AS practitioner, pr.speciality, COUNT(*) AS booked,
               SUM(a.minutes) AS minutes, MIN(a.starts_at) AS first, COUNT(DISTINCT a.patient_id) AS patients
        FROM appointments a JOIN practitioners pr ON pr.id = a.practitioner_id
        WHERE a.starts_at >= @from AND a.starts_at < @to
        GROUP BY pr.id ORDER BY booked DESC, pr.id
        """,
        ("@from", "NVarChar", Day(today)), ("@to", "NVarChar", Day(today.AddDays(7))));

    /// <summary>Every appointment of the practice: async, in pages.</summary>
    public static readonly Question AllAppointments = new(
        "Every appointment, with patient, practitioner and invoice",
        """
        SELECT a.id, a.starts_at, a.minutes, a.status, p.first_name || ' ' || p.last_name AS patient, p.date_of_birth,
               pr.last_name AS practitioner, a.reason, a.note, i.total
        FROM appointments a JOIN practitioners pr ON pr.id = a.practitioner_id
        LEFT JOIN patients p ON p.id = a.patient_id LEFT JOIN invoices i ON i.appointment_id = a.id
        ORDER BY a.id
        """);

    static string Day(DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
}
