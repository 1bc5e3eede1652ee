//! Phrases that announce an identifier, or that what follows is none.

/// What a phrase announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cue {
    Ssn,
    LastFour,
    Mrn,
    HealthPlan,
    Account,
    Card,
    Routing,
    License,
    Vehicle,
    Plate,
    Device,
    Biometric,
    Photo,
    OtherId,
    Phone,
    Fax,
    Email,
    Date,
    Birth,
    Age,
    Name,
    Address,
    City,
    Zip,
    Geo,
    Ip,
    /// A public code system: numbers near it are codes.
    Code,
    /// A laboratory value, dose or score: numbers near it are measured.
    Measure,
}

/// Comma-separated phrases, lower case.
pub(super) const PHRASES: &[(&str, Cue)] = &[
    (
        "ssn,ssns,ss no,ss number,ss #,soc sec,social security,social security number,social security no,social sec,\
         social,itin,taxpayer id,taxpayer identification number,tin,ssa number",
        Cue::Ssn,
    ),
    (
        "last four,last 4,last 4 digits,last four digits,ending in,ends in,ending",
        Cue::LastFour,
    ),
    (
        "mrn,mrns,mr no,mr number,mr,medical record,medical record number,medical record no,medical record num,\
         medical records number,med rec,med rec no,med rec number,medrec,record number,record no,chart number,chart no,chart id,chart,\
         unit number,unit no,patient id,patient number,patient no,patient identifier,patientid,pt id,pid,hospital number,hospital no,\
         hospital id,hosp no,emr number,emr id,ehr id,empi,mpi,facility id,medical id,case record,urn",
        Cue::Mrn,
    ),
    (
        "memberid,member id,member number,member no,member identification number,member,subscriber id,subscriber number,subscriber no,subscriber,\
         policy number,policy no,policy id,policy,policyholder id,insurance id,insurance number,insurance no,insurance policy,\
         insurance policy number,insurance card,plan id,plan number,health plan,health plan id,health plan number,health insurance,\
         beneficiary,beneficiary id,beneficiary number,\
         medicare,medicare id,medicare number,medicare no,medicaid,medicaid id,medicaid number,medicaid no,mbi,hicn,hic,group number,group no,group id,\
         nhs number,nhs no,nhs,insured id,enrollee id,enrollee,payer id,insurance",
        Cue::HealthPlan,
    ),
    (
        "account,accountnumber,account number,account no,account id,acct,acct no,acct number,acct num,billing account,billing number,billing id,invoice,invoice number,\
         invoice no,iban,bank account,checking,savings account,guarantor account,financial number,fin,patient account,statement number,bic,swift,swift code",
        Cue::Account,
    ),
    (
        "card,credit card,debit card,card number,card no,visa,mastercard,amex,american express,discover card,cc number,cc",
        Cue::Card,
    ),
    (
        "routing,routing number,routing no,aba,aba number,rtn,transit number,bank routing",
        Cue::Routing,
    ),
    (
        "license,license number,license no,licence,licence number,licence no,lic,lic no,lic number,driver license,drivers license,driver s license,driver s licence,\
         driver license number,drivers license number,driver s license number,driving licence,driving license,dl,dl number,dl no,dln,\
         certificate,certificate number,certificate no,cert no,cert number,certification number,passport,passport number,passport no,\
         npi,npi number,national provider identifier,dea,dea number,dea no,dea registration,medical license,medical license number,\
         nursing license,state license,permit,permit number,registration number,state id",
        Cue::License,
    ),
    (
        "vin,vin number,vehicle identification,vehicle identification number,vehicle id,vehicle,vehicle serial",
        Cue::Vehicle,
    ),
    (
        "plate,plates,plate number,plate no,license plate,license plate number,licence plate,number plate,registration plate,tag number",
        Cue::Plate,
    ),
    (
        "serial,serial number,serial no,serial num,s n,sn,ser no,device id,device identifier,device serial,device number,device serial number,\
         udi,unique device identifier,implant,implant id,implant serial,implant number,imei,meid,esn,mac,mac address,hardware id,\
         lot,lot number,lot no,model number,pacemaker serial,pump id,monitor id,asset tag,asset id",
        Cue::Device,
    ),
    (
        "fingerprint,fingerprints,fingerprint id,finger print,voiceprint,voice print,voiceprint template,retina scan,retinal scan,iris scan,iris,biometric,\
         biometric id,biometric template,faceprint,face template,palm print,palm vein,gait template,voice template,fingerprint template",
        Cue::Biometric,
    ),
    (
        "photo,photos,photograph,full face,full face photo,selfie,portrait,headshot,picture",
        Cue::Photo,
    ),
    (
        "id,id number,id no,identifier,identification number,identification no,ident,case number,case no,case id,case,accession,accession number,accession no,\
         specimen id,specimen number,order number,order no,order id,visit number,visit no,visit id,encounter number,encounter no,encounter id,encounter,csn,\
         study id,study number,study code,study,subject id,subject number,participant id,participant number,participant code,participant,enrollment id,enrollment code,\
         enrollment number,trial id,reference number,reference no,ref no,ref number,ref,confirmation number,confirmation no,claim number,claim no,claim id,claim,\
         rx number,rx no,prescription number,employee id,employee number,employee no,badge,badge number,badge id,student id,student number,locker,\
         ticket number,ticket,tracking number,username,user id,user name,login,login id,handle,authorization number,auth number,authorization,\
         referral number,registry id,registry number,donor id,donor number,military id,service number,inmate number,inmate id,booking number,docket number,\
         tax id,ein,national id,cpf,aadhaar,aadhar,curp,nino,sample id,barcode,wristband,pin,password,passcode,code word,security code",
        Cue::OtherId,
    ),
    (
        "phone,phones,phone number,phonenumber,phone no,telephone,telephone number,tel,tel no,cell,cell phone,cellphone,mobile,mobile number,mobile phone,ph,home phone,work phone,\
         callback,callback number,call back,call back number,contact number,contact no,call,called,calling,calls,dial,dialed,text,texted,reach,reached,reachable,\
         pager,pgr,beeper,ext,extension,voicemail,whatsapp,hotline,contact,number to reach,phoned,telephoned,ring,rings,sms",
        Cue::Phone,
    ),
    (
        "fax,faxed,fax number,fax no,facsimile,faxes,faxing,telefax",
        Cue::Fax,
    ),
    (
        "email,e mail,emailed,mail,mailto,email address,e mail address",
        Cue::Email,
    ),
    (
        "date,dated,dates,date of service,dos,date of admission,date of discharge,date of visit,admission date,admit date,discharge date,visit date,\
         service date,admitted,discharged,admission,discharge,seen,visit,appointment,appt,scheduled,signed,dictated,transcribed,collected,received,\
         reported,surgery,procedure,expires,expired,died,deceased,date of death,dod,dated on,follow up,followup,onset,updated,reviewed,\
         start date,end date,effective,hospitalized,presented,since,until,exam date,birthdate on",
        Cue::Date,
    ),
    (
        "dob,d o b,dateofbirth,date of birth,birth date,birthdate,birthday,born,born on,born in,birth year,year of birth,yob,birth",
        Cue::Birth,
    ),
    ("age,aged,ages,age is,turned,turning", Cue::Age),
    (
        "name,names,lastname,firstname,fullname,patientname,middlename,maidenname,givenname,familyname,displayname,goes by,patient name,pt name,full name,first name,last name,middle name,maiden name,given name,family name,surname,\
         legal name,preferred name,nickname,alias,aka,a k a,called,named,name is,signed by,electronically signed by,dictated by,transcribed by,attending,\
         attending physician,referring physician,referring provider,primary care physician,primary care provider,pcp,ordering provider,\
         ordering physician,admitting physician,performing physician,surgeon,anesthesiologist,resident,next of kin,nok,emergency contact,\
         guarantor,contact person,cc,attn,attention,caregiver name,spouse name,mother s name,father s name,employer,provider name,\
         physician name,author,reviewed by,verified by,witness,interpreter,requested by,performed by,family_name,dear,regards,sincerely",
        Cue::Name,
    ),
    (
        "address,addr,streetaddress,homeaddress,home address,mailing address,street address,residence,resides at,lives at,residing at,living at,street,residing,located at",
        Cue::Address,
    ),
    (
        "city,town,county,hometown,home town,birthplace,place of birth,lives in,living in,resides in,residing in,resident of,native of,moved to,\
         moved from,relocated to,born in the city of,city of,town of,village of,near the city of,municipality,lives near,\
         grew up in,originally from,hails from,relocated from,works in,traveled from,transferred from",
        Cue::City,
    ),
    (
        "zip,zip code,zipcode,postal code,postcode,post code,zip codes,postal",
        Cue::Zip,
    ),
    (
        "latitude,longitude,lat,lon,lng,coordinates,gps,geocode,geolocation,census tract,tract,fips,block group,census block",
        Cue::Geo,
    ),
    ("ip,ip address,ipv4,ipv6,host address", Cue::Ip),
    (
        "icd,icd 9,icd 10,icd9,icd10,loinc,snomed,snomed ct,sctid,ndc,cpt,hcpcs,rxnorm,rxcui,cvx,concept id,concept,drg,apc,revenue code,diagnosis code,\
         procedure code,code,codes,taxonomy,pmid,doi,pubmed,nct,cas,umls,mesh,omim,atc",
        Cue::Code,
    ),
    (
        "bp,blood pressure,hr,heart rate,pulse,rr,temp,temperature,spo2,o2,sat,weight,wt,height,ht,bmi,glucose,wbc,rbc,hgb,hct,plt,plts,platelets,platelet count,\
         creatinine,bun,sodium,potassium,chloride,bicarb,calcium,a1c,hba1c,inr,tsh,psa,ldl,hdl,cholesterol,troponin,bnp,ef,dose,dosage,mg,mcg,ml,units,\
         score,scale,ratio,cd4,viral load,copies,count,pain,gcs,apgar,titer,ferritin,lipase,alt,ast,albumin",
        Cue::Measure,
    ),
];
