//! Words other than names, one meaning per list.

use super::Word;

pub(super) const LISTS: &[(&str, Word)] = &[
    (
        "mr mrs ms miss mister madam dr drs doctor prof professor sir rev reverend fr father sr sister nurse pastor rabbi imam \
         capt captain sgt sergeant lt lieutenant col colonel hon judge deacon officer detective dame",
        Word::TITLE,
    ),
    (
        "md do rn np pa pac lpn cna dds dmd phd pharmd msw lcsw dpt pt ot rd mph crna aprn fnp bsn msn facc facs faap esq jr sr ii iii iv dnp psyd dvm od dpm mbbs",
        Word::SUFFIX,
    ),
    (
        "patient pt client resident subject participant member mother father mom mum dad wife husband spouse partner son daughter sister brother sibling \
         aunt uncle cousin niece nephew grandmother grandfather grandson granddaughter grandma grandpa stepfather stepmother friend neighbor neighbour caregiver guardian \
         roommate boyfriend girlfriend fiance fiancee employer boss supervisor coworker teacher physician surgeon provider doctor nurse cardiologist \
         oncologist neurologist psychiatrist pediatrician therapist pharmacist radiologist dermatologist hospitalist intern attending relative mr \
         gentleman lady male female man woman boy girl infant child newborn veteran widow witness attorney lawyer",
        Word::ROLE,
    ),
    (
        "january february march april may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec",
        Word::MONTH,
    ),
    (
        "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun",
        Word::WEEKDAY,
    ),
    (
        "street st avenue ave av road rd drive dr lane ln boulevard blvd court ct circle cir place pl terrace ter way parkway pkwy highway hwy trail trl \
         square sq loop alley plaza pike turnpike route crescent row mews walk path crossing xing expressway freeway heights hts ridge cove point causeway",
        Word::STREET,
    ),
    (
        "al ak az ar ca co ct de fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm ny nc nd oh ok or pa ri sc sd tn tx ut vt va wa wv wi wy dc pr vi gu",
        Word::STATE,
    ),
    (
        "alabama alaska arizona arkansas california colorado connecticut delaware florida hawaii idaho illinois indiana iowa kansas kentucky louisiana maine \
         maryland massachusetts michigan minnesota mississippi missouri montana nebraska nevada ohio oklahoma oregon pennsylvania tennessee texas utah vermont \
         virginia wisconsin wyoming america usa us uk mexico canada china india cuba haiti france germany italy spain england ireland scotland poland russia ukraine \
         brazil colombia peru chile argentina ecuador guatemala honduras salvador nicaragua vietnam japan korea philippines thailand iran iraq syria egypt nigeria \
         ghana kenya ethiopia somalia sudan pakistan bangladesh afghanistan nepal turkey greece portugal sweden norway denmark finland netherlands belgium austria \
         switzerland australia israel jamaica europe asia africa",
        Word::REGION,
    ),
    (
        "chicago houston phoenix philadelphia dallas jacksonville columbus charlotte indianapolis seattle denver boston detroit nashville memphis portland \
         baltimore milwaukee albuquerque tucson fresno sacramento atlanta omaha raleigh miami oakland minneapolis tulsa wichita tampa cleveland bakersfield \
         anaheim honolulu pittsburgh cincinnati anchorage toledo newark plano orlando irvine laredo lubbock chandler scottsdale reno norfolk fremont \
         spokane richmond boise tacoma modesto fontana rochester yonkers worcester providence knoxville chattanooga brownsville tempe eugene salem \
         pasadena hartford bridgeport syracuse albany buffalo dayton akron hollywood burbank stockton visalia berkeley cambridge somerville quincy lowell \
         springfield brooklyn manhattan bronx queens harlem london paris berlin tokyo toronto montreal vancouver madrid rome dublin sydney melbourne mumbai \
         delhi beijing shanghai moscow cairo lagos nairobi manila bogota lima havana houston savannah charleston tallahassee gainesville mobile birmingham \
         montgomery huntsville shreveport lafayette biloxi galveston amarillo waco abilene tyler peoria rockford naperville evanston ann kalamazoo lansing flint \
         duluth fargo bismarck billings missoula cheyenne provo ogden flagstaff yuma carlsbad escondido oceanside ventura oxnard redding chico",
        Word::CITY,
    ),
    (
        "hospital clinic infirmary hospice sanatorium pharmacy university college school academy elementary church nursing rehabilitation",
        Word::PLACE,
    ),
    (
        "van von de del della di da la le el al bin ibn ben st ter den der du dos das san santa",
        Word::PARTICLE,
    ),
    (
        "is was are number no num nbr nr of the on for with as and a at to has under code value identifier id file listed recorded documented given noted assigned template ending in reads card",
        Word::LINK,
    ),
    (
        "is was has had presented presents reports reported states stated denies denied said says called complains complained came arrived returned lives lived \
         works worked agrees agreed requests requested wants underwent received takes took tolerated remains continues will would can should may does did \
         asked feels felt who whose aged developed appears appeared understands verbalized expressed visited explained recommended diagnosed brought noted \
         accompanied admits endorsed endorses describes described",
        Word::VERB,
    ),
    (
        "disease syndrome sign test score scale catheter palsy lymphoma sarcoma tumor tumour phenomenon thyroiditis esophagus procedure operation \
         position reflex fracture contracture criteria classification index solution ulcer cyst duct maneuver manoeuvre method stain law murmur \
         anemia chorea dementia paralysis class stage type nodes node bodies body cells lesion gangrene tube drain collar splint coma triad hernia \
         disorder virus encephalopathy agar scan protocol",
        Word::EPONYM,
    ),
    (
        "nineties nonagenarian centenarian supercentenarian one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty \
         fifty sixty seventy eighty ninety hundred first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth \
         fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth",
        Word::NUMBER,
    ),
    (
        "christmas thanksgiving easter halloween hanukkah ramadan passover diwali juneteenth kwanzaa eid",
        Word::HOLIDAY,
    ),
    ("spring summer autumn fall winter", Word::SEASON),
    (
        "on since by until till from before after through thru around dated between to seen and in of the during last next this early late mid starting beginning",
        Word::BEFORE_DATE,
    ),
    (
        "in from near at to of lives living resides visiting outside",
        Word::BEFORE_PLACE,
    ),
    (
        "mg mcg ml kg lb lbs g gm cm mm mmhg meq l dl u units iu bpm percent c f hours hrs minutes min days weeks months times tabs tablets",
        Word::UNIT,
    ),
    (
        "by with from and for to per see saw met called named contact told asked via about dear hi hello thanks patient spouse wife husband mother father \
         daughter son brother sister friend neighbor aunt uncle cousin nephew niece partner client mr mrs ms dr nurse",
        Word::BEFORE_NAME,
    ),
    // Ordinary words, and words of clinical texts, that often begin with a capital.
    (
        "may will mark grace rose hope faith joy young long white black brown green gray grey hall king queen baker price rich bill frank sue guy art gene drew \
         dawn summer autumn april june august page day love chase dale lane ray roman mason carter hunter fisher cook taylor parker porter walker miller \
         bell bush ford wood woods field fields stone rice bean berry lamb fox wolf hart bird bishop pope knight noble sharp short small little best good goodman swift \
         banks rivers lake hill hills park parks west east north south weeks church house ball bond buck case cross cook craft dean duke early ernest english french \
         german wise wells winter winters strong sterling star major max miles nick norm pat pearl penny ruby rusty sandy scott sky victor violet iris ivy lily olive hazel \
         jewel chance christian angel heaven destiny trinity harmony melody genesis serenity nevaeh charity constance mercy prudence patience bowel graves \
         crohn addison down wilson apgar glasgow foley hodgkin parkinson alzheimer huntington babinski cushing hashimoto barrett bell bright burger colles coombs \
         dupuytren epstein barr ewing gram graves kaposi kawasaki marfan meckel murphy ortolani paget raynaud reye romberg sjogren tourette turner wernicke wilms \
         lou gehrig lyme ringer ringers hartmann trendelenburg valsalva doppler holter penrose whipple nissen billroth mayo jude roux baker bence jones \
         barre guillain charcot lewy pick creutzfeldt jakob lennox gastaut stokes wallenberg bouchard heberden virchow osgood schlatter morton boyle joule kelvin newton \
         carol merry holly noel bay sunny lucky happy junior prince royal baron earl major general manager director chief lee an so la do he sue jean don",
        Word::COMMON,
    ),
    (
        "the a an and or but if then he she it they we you i his her their this that these those there here what when where which who how why all any some no not none \
         is was are were be been has have had do does did of in on at by for from with to as per after before during since until while upon via \
         patient pt history physical exam examination assessment plan impression findings review systems chief complaint present illness past medical surgical family \
         social medications medication allergies allergy vital signs vitals labs laboratory imaging diagnosis diagnoses discharge admission summary progress note notes consult \
         consultation report reports operative procedure indication technique anesthesia complications disposition follow followup instructions instruction general \
         head eyes ears nose throat neck chest lungs heart abdomen extremities neuro neurologic neurological skin psychiatric cardiovascular respiratory \
         gastrointestinal genitourinary musculoskeletal endocrine hematologic normal abnormal positive negative acute chronic left right bilateral upper lower \
         anterior posterior medial lateral mild moderate severe stable unstable blood pressure rate temperature pulse weight height oxygen saturation pain \
         date time day week month year today yesterday tomorrow age sex gender male female man woman boy girl mother father wife husband son daughter brother sister \
         hospital clinic center centre department emergency room unit ward floor icu er ed or office service services medicine surgery cardiology oncology neurology \
         radiology pathology pediatrics psychiatry nursing pharmacy therapy rehab rehabilitation care health home insurance medicare medicaid policy account number \
         phone fax email address city state zip code street name names first last middle record records chart file id mrn ssn dob \
         please thank thanks dear sincerely regards yes ok also however therefore denies reports states continue start stop take call return increase decrease \
         given seen noted started resumed held ordered obtained performed tolerated ruled out consider recommend recommended discussed agreed advised counseled \
         ct mri mra xray ray ultrasound us ekg ecg echo eeg emg pet dexa cbc cmp bmp ua inr hiv hcv hbv copd chf cad htn dm ckd esrd mi cva tia dvt pe uti uri gerd \
         aspirin tylenol advil motrin ibuprofen acetaminophen metformin insulin lisinopril atorvastatin lipitor simvastatin metoprolol amlodipine warfarin coumadin heparin \
         lovenox plavix lasix furosemide prednisone albuterol zofran morphine oxycodone percocet vicodin norco fentanyl ativan xanax zoloft prozac lexapro \
         amoxicillin penicillin vancomycin zosyn cipro levaquin keflex bactrim flagyl gabapentin tramadol omeprazole prilosec protonix synthroid levothyroxine \
         oral tablet tablets capsule capsules solution injection injectable cream ointment daily twice weekly monthly hour hours minutes days weeks months years old \
         type stage grade class level disorder disease syndrome infection failure cancer diabetes hypertension asthma pneumonia sepsis fracture \
         covid influenza vaccine vaccination immunization hepatitis tetanus shingles mmr bcg american indian asian african hispanic latino caucasian \
         spanish chinese english monday tuesday wednesday thursday friday saturday sunday january february march april july september october november december \
         inc llc corp company co ltd group bank university college school board department united states national federal county medical records release \
         form section page part table figure appendix reference references source copy original new old open closed active inactive pending complete completed \
         critical sample test testing example invalid valid billing timeline alternate consult best reach enrollment device home voiceprint \
         best bird booth branch bridges buck bush byers cain cannon carver case cash chase childers christian church clay cline cobb conner cotton crane cross curry dick duke dyer english farmer fern fletcher floyd frost fry gates gay glass golden good goodman gross hardy heath horn house hull hurley huff joyce kane kent kid kirk lang lester levy lyons mack marks marsh mays meadows miles moss mule newton noble page parsons peck pitts pollard poole pope potter potts rich roach rocha rush savage sawyer sharp shields short skinner small snow sierra spears spence stark steele stokes stout strong summers tanner tapia tate todd travis valentine vance walls ware waters weeks wise wolf wolfe woodard york april candy cary cash celeste charity chris clark clay clement crystal daisy dakota dallas dane dean diamond dick dixie drake dusty earnest faye fern forest gene genesis georgia gil griffin hope houston ira israel ivory jack jade jean jet jewel jo joy lacey lamb lance laurel link liver logan lou mae march mark mason mickey mike milan monroe morris nan ned nova ollie opal ora pace paris parker perry phoenix piper porter prince queen rae ranger raven reed rex rich robin rocky rod roman ross rowan royal rusty sage sanders savanna sierra skip spencer sterling stone summer sunny tad tanner terry tim tori trinity tucker val van ward will winter wren zen israel jordan branch biopsy ankle arm leg foot hand knee hip elbow wrist shoulder spine liver kidney renal hepatic cardiac pulmonary",
        Word::COMMON,
    ),
];
